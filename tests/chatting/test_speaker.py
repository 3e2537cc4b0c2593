"""A folder of a chat model, opened, says what the transformers library says with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from chatting.folders import END, SIZE, chat_folder, write
from lamina.chatting.chat import Chat
from lamina.chatting.speaker import speaker_of
from lamina.decoders.gpt import GPT
from lamina.errors import DataError, MissingExtraError

pytest.importorskip("tokenizers")
pytest.importorskip("jinja2")

TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}]

# What transformers 5.23 said to these turns, greedily, with the weights of the folders; and its first logits.
GOLDEN = {
    "llama": [7, 236, 21, 236, 65, 62, 146, 129, 52, 239, 20, 236],
    "mistral": [7, 236, 21, 236, 65, 62, 146, 129, 52, 239, 20, 236],
    "qwen2": [241, 22, 22, 51, 22, 241, 241, 22, 22, 22, 22, 241],
}
LOGITS = {
    "llama": [1.9096, 2.4984, -3.7614, 0.2895, 3.5468, -2.9183, -1.3838, 3.944],
    "mistral": [1.9096, 2.4984, -3.7614, 0.2895, 3.5468, -2.9183, -1.3838, 3.944],
    "qwen2": [1.6173, -3.872, 1.2526, 2.9436, -3.4344, -0.3981, 3.7294, -2.3661],
}


@pytest.mark.parametrize("kind", GOLDEN)
def test_answers_are_those_that_the_library_gave(kind: str, tmp_path: Path) -> None:
    speaker = speaker_of(chat_folder(tmp_path, kind))
    assert isinstance(speaker.decoder, GPT) and speaker.context == 160 and speaker.notes == ()
    ids = speaker.wording.prompt(TURNS)
    logits, _ = speaker.decoder.step(torch.tensor([ids]), speaker.decoder.begin(None, 1))
    torch.testing.assert_close(logits[0, :8], torch.tensor(LOGITS[kind]), rtol=0, atol=1e-4)
    chat = Chat(speaker, system="Be brief.", longest=12)
    chat.say("hello")
    assert chat.written is not None and chat.written.ids == GOLDEN[kind]


@pytest.mark.parametrize("kind", ["gpt2", "llama", "mistral", "qwen2", "gemma"])
@pytest.mark.parametrize("how", ["greedy", "sample"])
def test_answers_are_those_of_the_library(kind: str, how: str, tmp_path: Path) -> None:
    """Turn after turn, while both read the same. What chance draws is not the library's, so one token is all there."""
    transformers = pytest.importorskip("transformers")
    form = {"vocab_size": SIZE, "eos_token_id": END, "bos_token_id": END, "pad_token_id": 0}
    if kind == "gpt2":
        form |= {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 160}
    else:
        config = json.loads((chat_folder(tmp_path, "llama") / "config.json").read_text())
        form = {**config, **form, "model_type": kind, "head_dim": 4, "max_position_embeddings": 160}
    torch.manual_seed(0)
    theirs = transformers.AutoModelForCausalLM.from_config(
        transformers.AutoConfig.for_model(form.pop("model_type", kind), **form)
    ).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(std=0.5)
    chat_folder(tmp_path)
    theirs.save_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    longest = 12 if how == "greedy" else 1
    decoding = {} if how == "greedy" else {"how": "sample", "top_k": 1}
    chat = Chat(speaker_of(tmp_path), system="Be brief.", longest=longest, **decoding)
    turns = TURNS[:1]
    for said in ("hello", "how are you?"):
        turns = [*turns, {"role": "user", "content": said}]
        ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")["input_ids"]
        assert ids[0].tolist() == chat.speaker.wording.prompt(turns)
        found = theirs.generate(ids, max_new_tokens=longest, do_sample=False, pad_token_id=0)[0, ids.shape[1] :]
        answer = tokenizer.decode(found, skip_special_tokens=True)
        assert chat.say(said) == answer
        turns = [*turns, {"role": "assistant", "content": answer}]


def test_how_its_maker_says_that_answers_are_drawn(tmp_path: Path) -> None:
    chat_folder(tmp_path)
    assert Chat(speaker_of(tmp_path)).settings.how == "greedy"
    said = {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.05}
    write(tmp_path / "generation_config.json", {**said, "eos_token_id": END, "no_repeat_ngram_size": 3})
    found = Chat(speaker_of(tmp_path), temperature=0.5).settings
    assert (found.how, found.temperature, found.top_p, found.top_k) == ("sample", 0.5, 0.8, 20)
    assert (found.repetition_penalty, found.no_repeat, found.longest) == (1.05, 3, 512)


def test_how_much_it_reads(tmp_path: Path) -> None:
    for values, context in (
        ({"sliding_window": 64}, 64),
        ({"sliding_window": 64, "use_sliding_window": False}, 160),
        ({"max_position_embeddings": None}, None),
    ):
        assert speaker_of(chat_folder(tmp_path, "mistral", **values)).context == context


def test_a_folder_without_a_template(tmp_path: Path) -> None:
    chat_folder(tmp_path)
    write(tmp_path / "tokenizer_config.json", {"eos_token": "<|im_end|>"})
    assert "has no chat template" in speaker_of(tmp_path).notes[0]


def test_what_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"the tokens of .* are not those of its network · got 258 tokens · allowed: 7"):
        chat_folder(tmp_path, vocab_size=7)
        _cut(tmp_path, 7)
        speaker_of(tmp_path)
    chat_folder(tmp_path, model_type="rwkv")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match="for a network of another form than gpt2, llama, mistral, qwen2"):
        speaker_of(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(DataError, match=r"has no config.json"):
        speaker_of(tmp_path)


def _cut(folder: Path, size: int) -> None:
    """Leave the network so many tokens."""
    tensors = load_file(folder / "model.safetensors")
    tensors["model.embed_tokens.weight"] = tensors["model.embed_tokens.weight"][:size].clone()
    save_file(tensors, folder / "model.safetensors")
