"""The critics that an adversarial loss may train against."""

from typing import Annotated

from pydantic import Field

from esrlab.core.parts import kind_if_missing
from esrlab.models.critics.patch import PatchGAN
from esrlab.models.critics.unet import UNet
from esrlab.models.critics.vgg import VGGStyle

# A new critic is one file in this folder and one name in this line.
AnyCritic = Annotated[VGGStyle | UNet | PatchGAN, Field(discriminator="kind"), kind_if_missing("vgg")]
