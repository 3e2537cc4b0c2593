"""Medical pictures: DICOM files and NIfTI volumes, as the extra ``medical``."""

from __future__ import annotations

import gzip
import zlib
from io import BytesIO

import numpy as np

from lamina.errors import DataError, LaminaError
from lamina.extras import need

__all__ = ["dicom_picture", "nifti_slice"]

VOLUME = 2**31  # bytes of an unpacked NIfTI file, at most


def dicom_picture(content: bytes) -> np.ndarray:
    """The picture in a DICOM file as its own window shows it, (height, width) or with 3 channels, uint8."""
    pydicom = need("pydicom", extra="medical", why="to read DICOM pictures")
    pixels = need("pydicom.pixels", extra="medical", why="to read DICOM pictures")
    try:
        file = pydicom.dcmread(BytesIO(content))
        array = file.pixel_array
        if int(file.get("SamplesPerPixel", 1)) == 1:
            array = array[len(array) // 2] if array.ndim == 3 else array
            array = pixels.apply_voi_lut(pixels.apply_modality_lut(array, file), file)
            shown = _by_range(array, float(array.min()), float(array.max()))
            return 255 - shown if file.PhotometricInterpretation == "MONOCHROME1" else shown
        array = array[len(array) // 2] if array.ndim == 4 else array
        return array if array.dtype == np.uint8 else _by_range(array, 0.0, float(array.max()))
    except (LaminaError, KeyboardInterrupt):
        raise
    except Exception as error:  # as with pictures, and where a codec is not installed
        raise DataError("the DICOM file cannot be read", got=str(error) or type(error).__name__) from error


def nifti_slice(content: bytes) -> np.ndarray:
    """The middle slice of a NIfTI volume along the body's axis, (height, width) uint8, the outer 1% of values cut."""
    nibabel = need("nibabel", extra="medical", why="to read NIfTI volumes")
    try:
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(BytesIO(content)) as file:
                content = file.read(VOLUME + 1)
            if len(content) > VOLUME:
                raise DataError("the NIfTI file is too large", allowed=f"{VOLUME:,} bytes unpacked")
        volume = nibabel.as_closest_canonical(nibabel.Nifti1Image.from_bytes(content))
        array = np.asarray(volume.dataobj)
        while array.ndim > 2:
            array = array[..., array.shape[-1] // 2]
        low, high = np.nanpercentile(array, [0.5, 99.5])
        return _by_range(np.rot90(np.nan_to_num(array, nan=low)), float(low), float(high))
    except (LaminaError, KeyboardInterrupt):
        raise
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError("the NIfTI file is damaged", got=error) from error
    except Exception as error:  # as with pictures
        raise DataError("the NIfTI file cannot be read", got=str(error) or type(error).__name__) from error


def _by_range(array: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values from low to high as 0 to 255."""
    share = (array.astype(np.float64) - low) / ((high - low) or 1.0)
    return (share * 255 + 0.5).clip(0, 255).astype(np.uint8)
