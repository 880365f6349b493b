#!/bin/sh
# Trains the small generators whose outputs are the GAN artefacts of the lpips-student: a few minutes.
# Usage: research/students/generators.sh PHOTOS OUT   (as /work/shared/photos/train /tmp/students/generators)
set -eu
photos=$1
out=$2
mkdir -p "$out"
train() {
    run=$1
    recipe=$2
    shift 2
    esrlab train "$recipe" --photos "$photos" --out "$out/$run" \
        --generator.blocks 2 --generator.features 16 --generator.growth 8 --generator.init interpolation \
        --patches.lr-size 16 --patches.batch 4 --adversarial.critic.features 8 "$@"
}
train wgan wgan-vgg --steps 150 --seed 1 --terms.content.loss.layers conv1_2
train esrgan esrgan-vgg --steps 150 --seed 2 --terms.content.loss.layers conv1_2 --optimiser.learning-rate 0.001
train ugly esrgan-vgg --steps 100 --seed 3 --terms.content.loss.layers conv1_2 --optimiser.learning-rate 0.005
train noisy vanilla-vgg --steps 100 --seed 4 --terms.content.loss.layers conv1_2 \
    --optimiser.learning-rate 0.002 --adversarial.weight 0.5
