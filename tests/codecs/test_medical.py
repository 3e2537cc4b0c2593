from __future__ import annotations

import gzip
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from lamina.codecs.picture import open_picture, pixels_of
from lamina.errors import DataError, MissingExtraError


def grey(path: Path) -> np.ndarray:
    return pixels_of(open_picture(str(path)).image, 1, 255)[..., 0]


def test_dicom(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom", reason="the extra medical is not installed")
    array = np.arange(12, dtype=np.int16).reshape(3, 4) * 100 - 1000
    for name, shown in (("MONOCHROME2", array), ("MONOCHROME1", -array)):
        file = pydicom.Dataset()
        file.file_meta = pydicom.dataset.FileMetaDataset()
        file.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
        file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        file.Rows, file.Columns, file.SamplesPerPixel, file.PhotometricInterpretation = 3, 4, 1, name
        file.BitsAllocated = file.BitsStored = 16
        file.HighBit, file.PixelRepresentation, file.PixelData = 15, 1, array.tobytes()
        written = BytesIO()
        file.save_as(written, enforce_file_format=True)
        path = tmp_path / "a.dcm"
        path.write_bytes(written.getvalue())
        found = grey(path).astype(float)
        assert np.abs(found - (shown - shown.min()) / 1100 * 255).max() <= 0.51
    path.write_bytes(written.getvalue()[:-5])
    with pytest.raises(DataError, match="the DICOM file cannot be read"):
        grey(path)
    path.write_bytes(b"text")
    with pytest.raises(DataError, match="the DICOM file cannot be read"):
        grey(path)


def test_nifti(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel", reason="the extra medical is not installed")
    volume = np.zeros((8, 6, 5), np.float32)
    volume[:4, :, 2] = 3000.0  # on the left, in the middle slice
    written = nibabel.Nifti1Image(volume, np.eye(4)).to_bytes()
    for name, content in (("a.nii", written), ("a.nii.gz", gzip.compress(written))):
        path = tmp_path / name
        path.write_bytes(content)
        found = grey(path)
        assert found.shape == (6, 8), "height first"
        assert (found[:, :4] == 255).all() and (found[:, 4:] == 0).all()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(DataError, match=r"the NIfTI file (is damaged|cannot be read)"):
            grey(path)


@pytest.mark.parametrize(("name", "package"), [("a.dcm", "pydicom"), ("a.nii", "nibabel")])
def test_a_missing_extra_is_named(name: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(MissingExtraError, match=rf"{package} is needed to read .* pip install 'lamina\[medical\]'"):
        grey(tmp_path / name)
