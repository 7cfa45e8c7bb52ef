"""The options of `convlet train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from convlet import models
from convlet.cli.arguments import above, fraction, whole
from convlet.cli.tasks import TASKS
from convlet.cli.training import MIXES, OPTIMIZERS, SCHEDULES
from convlet.cli.transferring import SIDE
from convlet.models.published_weights import PUBLISHED

if TYPE_CHECKING:
    from convlet.cli.arguments import Parser

EXAMPLES = """\
examples:
  convlet train                                   real digits, LeNet-5
  convlet train --data shapes --model resnet18 --epochs 20 --schedule cosine
  convlet train --data my.npz --optimizer sgd --lr 0.05 --save-config my.toml
  convlet train --pretrained efficientnet_lite0 --data folder/   photographs, a folder per class
  convlet train --task detect --data folder/      boxes, in files of COCO, Pascal VOC or YOLO
  convlet train --config my.toml --seed 1         the same with another seed
  convlet train --resume runs/lenet5-digits-001   go on where it was cut short
  convlet train --json > result.json              figures for a program; progress goes to stderr
"""


def add_options(parser: Parser) -> None:
    """Add them; `parser.settings` then holds those that a configuration file may give."""
    parser.setting(
        "--task", choices=list(TASKS), default="classify",
        help="what is found: one class for each image (classify), one for each pixel (segment), or boxes "
        "with classes (detect)",
    )  # fmt: skip
    parser.setting(
        "--data",
        metavar="DATA",
        help="digits (real handwriting), shapes (drawn pictures), mnist, fashion-mnist, cifar10, cifar100 "
        "(fetched once), animals; or the path of a folder of pictures per class, of a .csv file of paths "
        "and labels, of a .npz file, or of a folder of MNIST's, CIFAR's or .npy files; to segment: shapes, "
        "nuclei, or a folder with images and masks; to detect: shapes, "
        "digits-on-photos, nuclei, a .json file as COCO has them, or a folder with boxes of COCO, Pascal VOC or "
        "YOLO (default: digits if they are installed, else and for other tasks shapes)",
    )
    parser.setting(
        "--model", choices=[*models.names(), *models.detectors()], metavar="NAME",
        help=f"the network: one of {', '.join([*models.names(), *models.detectors()])} (default: {_usual('model')})",
    )  # fmt: skip
    parser.setting(
        "--backbone", metavar="NAME",
        help="what fcos or deeplabv3 look through: a network without its last layers (default: the model's own)",
    )  # fmt: skip
    parser.setting(
        "--pretrained", choices=sorted(PUBLISHED), metavar="NAME",
        help="take a network with published ImageNet weights and fit a new last layer to the data, with "
        "--fine-tune also the last stages, or to detect as the backbone; efficientnet_lite0 comes with the "
        "extra [pretrained] (default: --model, from first weights)",
    )  # fmt: skip
    parser.setting(
        "--fine-tune", type=whole(0, 100_000), default=0, metavar="N",
        help="epochs in which the last stages of a pretrained network are adjusted",
    )  # fmt: skip
    parser.setting(
        "--image-size", type=whole(32, 512), metavar="N",
        help="pixels of a side that a pretrained network sees, or that pictures in files are shrunk to "
        f"for --task detect (default: {SIDE}; to detect their own if all have the same of at most 512, else 256)",
    )  # fmt: skip
    parser.setting(
        "--optimizer",
        choices=list(OPTIMIZERS),
        help=f"the rule of the steps (default: {_usual('optimizer')})",
    )
    parser.setting(
        "--schedule", choices=list(SCHEDULES),
        help="the learning rate over the epochs: staged lowers it each time the validation loss stops "
        "falling, cosine lets it fall to 0, onecycle rises first, constant leaves it "
        f"(default: {_usual('schedule')})",
    )  # fmt: skip
    parser.setting(
        "--augment", choices=sorted({name for task in TASKS.values() for name in task.augments}),
        help="how training images are changed at random: moved by up to 2 pixels (shift), mirrored as "
        "well (flip), or turned, moved and scaled (affine); masks are moved with their images "
        f"(default: {_usual('augment')})",
    )  # fmt: skip
    parser.setting(
        "--mix", choices=list(MIXES), default="none",
        help="how training images and their labels are combined at random: two laid over each other "
        "(mixup), or a rectangle of one put into the other (cutmix); with --task classify",
    )  # fmt: skip
    parser.setting(
        "--warm-up", type=whole(0, 100_000), metavar="N",
        help="epochs in which the learning rate rises to the first one, before the schedule cosine or "
        f"constant begins (default: {_usual_warm_up()})",
    )  # fmt: skip
    parser.setting(
        "--epochs", type=whole(1, 100_000), metavar="N",
        help="most passes over the training images; with staged and constant fewer when the validation "
        f"loss stops falling (default: {_usual('epochs')})",
    )  # fmt: skip
    parser.setting(
        "--batch-size", type=whole(1, 1_000_000), metavar="N",
        help=f"images per step (default: {_usual('batch_size')})",
    )  # fmt: skip
    rates = ", ".join(f"{rule.lr:g} for {name}" for name, rule in OPTIMIZERS.items())
    parser.setting(
        "--lr",
        type=above(0, 1e6),
        metavar="N",
        help=f"first learning rate (default: {rates}; 0.003 to detect)",
    )
    parser.setting(
        "--dropout", type=fraction, metavar="N",
        help="share of values dropped in the fully connected layers (default: the network's own, "
        "0.25 of lenet5)",
    )  # fmt: skip
    parser.setting(
        "--kernel-size", type=whole(1, 1_000), metavar="N",
        help="height and width of lenet5's convolution kernels (default: 5)",
    )  # fmt: skip
    parser.setting(
        "--base-channels", type=whole(1, 4_096), metavar="N",
        help="channels of the first level of unet and resunet (default: 16 and 24)",
    )  # fmt: skip
    parser.setting(
        "--seed", type=whole(0, 2**63 - 1), default=0, metavar="N",
        help="decides first weights, order, shifts and dropout",
    )  # fmt: skip
    parser.setting(
        "--threads", type=whole(1, 1024), metavar="N",
        help="threads to compute with, on which results do not depend (default: as many as the process "
        "may use)",
    )  # fmt: skip
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="the run folder, new or empty (default: the next free runs/NAME-NNN)",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE",
        help="take settings from a TOML file; options given beside it count more",
    )  # fmt: skip
    parser.add_argument(
        "--save-config", type=Path, metavar="FILE",
        help="write all settings to a new TOML file for --config, then train",
    )  # fmt: skip
    parser.add_argument(
        "--resume", type=Path, metavar="RUN",
        help="go on with a training that was cut short, by the settings of its run folder, to the same end "
        "as if it had not been",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="write JSON, and progress to standard error"
    )


def _usual(option: str) -> str:
    """What an option is by itself, where that depends on the task."""
    first, *others = TASKS.values()
    usual = first.defaults[option]
    words = [f"{t.defaults[option]} to {t.name}" for t in others if t.defaults[option] != usual]
    return ", ".join([str(usual), *words])


def _usual_warm_up() -> str:
    first, *others = TASKS.values()
    words = [f"{task.warm_up} to {task.name}" for task in others if task.warm_up != first.warm_up]
    return ", ".join([str(first.warm_up), *words])
