"""The embedded students: small networks shipped with the package, and read from it safely.

Each has a card beside its file: teacher, data, method, figures, licence.
"""

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Literal

import torch
from torch import nn

from esrlab.core.tensor_files import read_state
from esrlab.errors import UsageError, UserError
from esrlab.models.features.students import LPIPSStudent, ResidualStudent, VGGStudent

StudentName = Literal["vgg-student", "residual-student", "lpips-student"]


@dataclass(frozen=True, kw_only=True)
class Student:
    """A shipped network: its file in this folder, who taught it, and what tables call it."""

    name: StudentName
    title: str
    file: str
    sha256: str
    teacher: str


STUDENTS = (
    Student(
        name="vgg-student",
        title="VGG (student)",
        file="vgg-student.safetensors",
        sha256="7223af9ca06d21b4b804577927b95b2aeac3d03fea92eec3ad347a84bfc96873",
        teacher="ImageNet VGG19, conv3_4 before its activation",
    ),
    Student(
        name="residual-student",
        title="residual (student)",
        file="residual-student.safetensors",
        sha256="2f4802332209951ec1ee6abb51a0e3108e511216a2e9b3344bccc0b4b6afaf8f",
        teacher="ImageNet EfficientNet-Lite0, after its fifth block (stride 8)",
    ),
    Student(
        name="lpips-student",
        title="LPIPS≈",
        file="lpips-student.safetensors",
        sha256="5b715f4daac5470e1b988a926d2c7db3bea57a93d3cec55af8dcf677ba144a31",
        teacher="LPIPS-Alex v0.1",
    ),
)


def find_student(name: str) -> Student:
    """The record of a student. Raises UsageError, with the names that exist, for an unknown one."""
    for student in STUDENTS:
        if student.name == name:
            return student
    raise UsageError(f"there is no student {name!r}; there are {', '.join(s.name for s in STUDENTS)}")


def load_student(name: str) -> nn.Module:
    """A student with its shipped weights, float32, frozen, on the CPU.

    Raises UsageError for an unknown name, UserError where the shipped file is missing or not as shipped.
    """
    student = find_student(name)
    with resources.as_file(resources.files("esrlab.models.students") / student.file) as path:
        state, _ = read_state(path)
        if hashlib.sha256(path.read_bytes()).hexdigest() != student.sha256:
            raise UserError(f"{path} is not the file that esrlab ships: reinstall esrlab")
    with torch.random.fork_rng(devices=[]):
        network = _build(student.name)
    network.load_state_dict({key: tensor.float() for key, tensor in state.items()})
    return network


def _build(name: StudentName) -> nn.Module:
    match name:
        case "vgg-student":
            return VGGStudent()
        case "residual-student":
            return ResidualStudent()
        case "lpips-student":
            return LPIPSStudent()
