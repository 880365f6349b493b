"""The bundled samples: colour photographs that scikit-image's wheel carries, some held out.

They are: a portrait (astronaut), both views of a stereo pair (motorcycle), a galaxy field (hubble) and a
stained tissue (ihc) to train on; a cat (chelsea), a cup (coffee) and a launch (rocket) to evaluate on.
"""

from importlib import resources
from pathlib import Path

from esrlab.errors import UserError

SAMPLES = "samples"
TRAINING = (
    "astronaut.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
)
HELD_OUT = ("chelsea.png", "coffee.png", "rocket.jpg")


def sample_paths(names: tuple[str, ...]) -> list[tuple[str, Path]]:
    """The (name, path) of bundled photographs; raises UserError naming the extra when they are not there."""
    try:
        folder = Path(str(resources.files("skimage.data")))
    except ModuleNotFoundError as error:
        raise UserError(
            "the bundled photographs come with scikit-image: pip install 'esrlab[samples]', "
            "or give a folder of your own with --photos"
        ) from error
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise UserError(f"this scikit-image lacks {', '.join(missing)}: pip install 'scikit-image>=0.24'")
    return [(Path(name).stem, folder / name) for name in names]
