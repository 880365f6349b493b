"""What differs from tracker to tracker: how it is started, resumed, and given an image.

Accelerate gives all of them one way to take numbers; the rest is in this table of cases.
"""

import importlib.util
from pathlib import Path
from typing import Any

from esrlab.core.nearest import did_you_mean
from esrlab.data.image_files import Pixels
from esrlab.errors import UsageError, UserError

TRACKERS = (
    "tensorboard",
    "wandb",
    "aim",
    "clearml",
    "comet_ml",
    "dvclive",
    "mlflow",
    "swanlab",
    "trackio",
)
"""The names that Accelerate knows; each is also the name of its package."""


def require_tracker(name: str) -> None:
    """Raises UsageError for a name that no tracker has, UserError with the remedy for a missing package."""
    if name not in TRACKERS:
        raise UsageError(
            f"there is no tracker {name!r}{did_you_mean(name, TRACKERS)}; choose one of {', '.join(TRACKERS)}"
        )
    for package in ("accelerate", name):
        if importlib.util.find_spec(package) is None:
            wanted = "'esrlab[trackers]'" if package in ("accelerate", "tensorboard") else package
            raise UserError(f"--track {name} needs {package}: pip install {wanted}")


def start_tracker(
    name: str, *, folder: Path, project: str, run_name: str, step: int, identity: str | None
) -> Any:
    """Accelerate's tracker of that name, begun; `identity`, where there is one, is the run to resume.

    UserError: it cannot start.
    """
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    PartialState()  # some trackers ask which process they are in; one that exists is left as it is

    kind: Any = LOGGER_TYPE_TO_CLASS.get(name)
    if kind is None:
        raise UserError(f"this accelerate does not know {name} yet: pip install -U accelerate")
    settings = _settings(name, folder=folder, project=project, run_name=run_name)
    if identity is not None:
        settings |= _going_on(name, step=step, identity=identity)
    try:
        match name:
            case "tensorboard":  # its files are below the logging folder, under the "run name"
                tracker = kind(name, folder, **settings)
            case "aim":
                tracker = kind(run_name, folder, **settings)
            case _:
                tracker = kind(project, **settings)
        tracker.start()
    except Exception as error:  # whatever a tracker raises, it was chosen by name and can be left out
        raise UserError(f"{name} cannot start: {error}; correct that, or leave out --track {name}") from error
    return tracker


def _settings(name: str, *, folder: Path, project: str, run_name: str) -> dict[str, Any]:
    """How a new run is named, and its files are kept in the run's folder."""
    return {
        # wandb's own capture of the console would tear the panel
        "wandb": {"name": run_name, "dir": str(folder), "settings": {"console": "off"}},
        "swanlab": {"experiment_name": run_name, "logdir": str(folder / name)},
        "clearml": {"project_name": project, "task_name": run_name},
        "dvclive": {"dir": str(folder / name)},
        "mlflow": {"run_name": run_name},
        "trackio": {"name": run_name},
    }.get(name, {})


def _going_on(name: str, *, step: int, identity: str) -> dict[str, Any]:
    """How the run of this identity is resumed; TensorBoard hides what it had from `step` on."""
    return {
        "tensorboard": {"purge_step": step},
        "wandb": {"id": identity, "resume": "allow"},
        "swanlab": {"id": identity, "resume": "allow"},
        "trackio": {"name": identity, "resume": "allow"},
        "aim": {"run_hash": identity},
        "mlflow": {"run_id": identity},
        "comet_ml": {"experiment_key": identity},
        "clearml": {"continue_last_task": identity},
        "dvclive": {"resume": True},
    }[name]


def identify(name: str, tracker: Any, *, run_name: str) -> str | None:
    """What finds this tracker's run again; None where the package does not tell (another version may not)."""
    try:
        return _identity(name, tracker.tracker, run_name=run_name)
    except (AttributeError, TypeError):
        return None


def _identity(name: str, inner: Any, *, run_name: str) -> str:
    match name:
        case "wandb" | "clearml" | "swanlab":
            return str(inner.id)
        case "aim":
            return str(inner.hash)
        case "mlflow":
            return str(inner.info.run_id)
        case "comet_ml":
            return str(inner.get_key())
        case _:
            return run_name


def show_picture(name: str, tracker: Any, *, step: int, title: str, pixels: Pixels) -> None:
    """Sends (H, W, 3) bytes where the tracker takes pictures through Accelerate; else nothing."""
    match name:
        case "tensorboard":
            tracker.log_images({title: pixels[None]}, step=step, dataformats="NHWC")
        case "wandb" | "swanlab":
            tracker.log_images({title: [pixels]}, step=step)
        case "aim" | "clearml":
            tracker.log_images({title: pixels}, step=step)
        case _:
            pass
