#!/bin/sh
# Make one environment a peer, outside the project's own: setup.sh [skorch|lightning|keras|fastai|fastapi|litserve ...] (all if none is named).
# They go to $LAMINA_PEERS, or to lamina-peers in the temporary folder. Some 1.5 GB each, a few minutes.
# On Linux the CPU build of torch is named outright, so that no CUDA packages come along; where pip does not find it:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu benchmarks/peers/setup.sh
set -eu

folder=${LAMINA_PEERS:-$(python3 -c "import tempfile; print(tempfile.gettempdir())")/lamina-peers}
case $(uname) in
    Linux) torch=torch==2.13.0+cpu ;;
    *) torch=torch==2.13.0 ;;
esac

make_environment() { # name, packages ...
    name=$1
    shift
    echo "$name"
    python3 -m venv "$folder/$name"
    "$folder/$name/bin/python" -m pip install --quiet "$torch" "$@"
    if "$folder/$name/bin/python" -m pip list | grep -i '^nvidia'; then
        echo "CUDA packages came along: this is not the build that the figures are for" >&2
        exit 1
    fi
}

[ $# -gt 0 ] || set -- skorch lightning keras fastai fastapi litserve
mkdir -p "$folder"
for peer in "$@"; do
    case $peer in
        skorch) make_environment skorch skorch ;;
        lightning) make_environment lightning lightning ;;
        keras) make_environment keras keras jax ;;
        fastai)
            # fastai asks for torchvision, which cannot be imported beside a CPU torch and which tables do not need:
            # so its other needs are named here, and it comes without.
            make_environment fastai fastcore fastprogress fastdownload fasttransform plum-dispatch \
                pandas scikit-learn scipy matplotlib pyyaml requests pillow packaging cloudpickle
            "$folder/fastai/bin/python" -m pip install --quiet --no-deps fastai
            ;;
        fastapi) make_environment fastapi fastapi uvicorn httptools uvloop onnxruntime ;;
        litserve) make_environment litserve litserve onnxruntime ;;
        *)
            echo "no such peer: $peer; there are skorch, lightning, keras, fastai, fastapi, litserve" >&2
            exit 2
            ;;
    esac
done
