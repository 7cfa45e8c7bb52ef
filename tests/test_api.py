"""What `import convlet` offers, and what it leaves alone."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING

import pytest

import convlet
from subprocesses import output_of

if TYPE_CHECKING:
    from types import ModuleType

# The names that users type. A name may be added here, and may not disappear.
NAMES = {
    "convlet": """Tensor Trainer __version__ cat empty_cache evaluating get_num_threads
        memory_stats no_grad seed set_num_threads show_config stack use_isa
        abs amax amin arange argmax argmin autograd bmm checkpoint chunk clamp clip clone enable_grad exp
        flatten flip from_dlpack from_numpy full is_grad_enabled isfinite isinf isnan log logsumexp
        matmul max maximum mean min minimum movedim ones ones_like permute pow prod rand randn relu
        reshape set_grad_enabled sigmoid sign softmax split sqrt square squeeze std sum swapaxes tanh
        tensor transpose unbind unflatten unsqueeze var where zeros zeros_like""",
    "convlet.autograd": "grad record",
    "convlet.nn.utils": "clip_grad_norm_ clip_grad_value_",
    "convlet.ops": """box_iou nms paired_box_iou roi_align roi_align_grad soft_nms add cut_channels join_channels group_moments group_norm group_norm_grad layer_norm
        layer_norm_grad resize2d resize2d_grad channel_scale channel_scale_grad adaptive_avg_pool2d adaptive_avg_pool2d_grad adaptive_max_pool2d
        adaptive_max_pool2d_grad avg_pool2d avg_pool2d_grad conv2d conv2d_grad_bias conv2d_grad_input
        conv2d_grad_weight conv2d_moments conv2d_chain ConvLink dropout dropout_grad linear linear_grad_bias linear_grad_input
        linear_grad_weight max_pool2d max_pool2d_grad relu relu_grad softmax_cross_entropy
        softmax_cross_entropy_grad binary_cross_entropy binary_cross_entropy_grad elu elu_grad gelu gelu_grad
        mish mish_grad prelu prelu_grad softplus softplus_grad tanh tanh_grad""",
    "convlet.nn": """GroupNorm LayerNorm Upsample Hardsigmoid Hardswish LeakyReLU ReLU6 SiLU Sigmoid
        AdaptiveAvgPool2d AdaptiveMaxPool2d AvgPool2d Conv2d CrossEntropyLoss Dropout Flatten Linear MaxPool2d Module
        Parameter ReLU Sequential functional
        AdaptiveAvgPool1d AdaptiveMaxPool1d AlphaDropout AvgPool1d BatchNorm1d CircularPad2d ConstantPad2d
        Conv1d Conv3d DropConnect DropPath Dropout2d Identity InstanceNorm2d LPPool2d LocalResponseNorm
        MaxPool1d MaxUnpool2d ModuleDict ModuleList PixelShuffle PixelUnshuffle ReflectionPad2d
        ReplicationPad2d Unflatten ZeroPad2d create_feature_extractor summary
        ELU GELU LogSoftmax Mish PReLU Softmax Softplus Tanh
        BCELoss BCEWithLogitsLoss DiceLoss FocalLoss HuberLoss L1Loss LovaszLoss MSELoss NLLLoss SmoothL1Loss""",
    "convlet.nn.functional": """group_norm layer_norm interpolate hardsigmoid hardswish leaky_relu relu6 sigmoid silu softmax
        adaptive_avg_pool2d adaptive_max_pool2d avg_pool2d conv2d
        cross_entropy dropout linear max_pool2d relu elu gelu log_softmax mish prelu softplus tanh
        adaptive_avg_pool1d adaptive_max_pool1d alpha_dropout avg_pool1d conv1d conv3d drop_path dropout2d
        instance_norm local_response_norm lp_pool2d max_pool1d max_unpool2d pad pixel_shuffle
        pixel_unshuffle
        binary_cross_entropy binary_cross_entropy_with_logits dice_loss focal_loss huber_loss lovasz_loss l1_loss
        mse_loss nll_loss sigmoid_focal_loss smooth_l1_loss""",
    "convlet.optim": "Adam AdamW LAMB LARS Optimizer RMSprop SGD lr_scheduler",
    "convlet.optim.lr_scheduler": """ChainedScheduler ConstantLR CosineAnnealingLR
        CosineAnnealingWarmRestarts ExponentialLR LRScheduler LambdaLR LinearLR MultiStepLR OneCycleLR
        PolynomialLR ReduceLROnPlateau SequentialLR StepLR with_warmup""",
    "convlet.train": """Accuracy CSVLog Callback Checkpoint EMA EarlyStopping F1 History LRFinder MeanIoU
        Metric NonFiniteLossError Precision ProgressBar Recall TensorBoard TopKAccuracy Trainer
        confusion_matrix load_checkpoint save_checkpoint""",
    "convlet.bench": "BatchNorm2d Conv2d Linear MaxPool2d Network Row available medians race",
    "convlet.data": """ArrayDataset BatchSampler ConcatDataset DataLoader Dataset RandomSampler Sampler
        SequentialSampler Subset SubsetRandomSampler TensorDataset WeightedRandomSampler
        ImageFiles ImageFolder ImageTable default_collate digits load random_split shapes
        stratified_split transforms""",
    "convlet.data.transforms": """CenterCrop ColorJitter Compose CutMix Grayscale MixUp Normalize Pad
        RandomAffine RandomCrop RandomErasing RandomGrayscale RandomHorizontalFlip RandomResizedCrop
        RandomRotation RandomVerticalFlip Resize ToTensor""",
    "convlet.io": "FormatError atomic_write load read read_pytorch save",
    "convlet.viz": """attribution batch confusion_matrix curves feature_maps field grad_cam kernels
        mistakes occlusion receptive_field saliency top_patches class_bars class_colours mask_overlay
        overlay segmentations""",
    "convlet.data.segmentation": """MaskFiles MaskedImages SegmentationData SegmentationDataset
        decode_rle encode_rle load polygon_mask read_coco_masks read_mask write_mask""",
    "convlet.data.nuclei": "Nuclei available boxes load masks",
    "convlet.onnx": "export",
    "convlet.sklearn": "CNNClassifier",
    "convlet.viz.attribution": "grad_cam_map occlusion_map saliency_map",
    "convlet.vision": """batched_nms box_area box_convert box_iou clip_boxes_to_image complete_box_iou
        complete_box_iou_loss distance_box_iou distance_box_iou_loss generalized_box_iou
        generalized_box_iou_loss nms remove_small_boxes roi_align segment soft_nms""",
    "convlet.transfer": "features fit_head freeze neighbours replace_head stages unfreeze",
    "convlet.models": """lenet5 vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn resnet18
        resnet34 resnet50 resnet101 resnet152 resnext50_32x4d mobilenet_v2 unet alexnet densenet121
        deeplabv3 lraspp resunet ResUNet DeepLabV3 DeepLabV3Outputs LRASPP
        efficientnet_lite0 googlenet mobilenet_v3_large mobilenet_v3_small shufflenet_v2_x0_5
        shufflenet_v2_x1_0 squeezenet1_1 create list names published recognise
        imagenet_classes Preprocessing""",
}

# Arguments of PyTorch, by name, order and default, so that a network ports by its import.
SIGNATURES = {
    "convlet.nn.Conv2d": """in_channels, out_channels, kernel_size, stride=1, padding=0,
        dilation=1, groups=1, bias=True""",
    "convlet.nn.Linear": "in_features, out_features, bias=True",
    "convlet.nn.MaxPool2d": "kernel_size, stride=None, padding=0, dilation=1",
    "convlet.nn.AvgPool2d": "kernel_size, stride=None, padding=0, ceil_mode=False",
    "convlet.nn.Dropout": "p=0.5",
    "convlet.nn.Upsample": """size=None, scale_factor=None, mode='nearest', align_corners=None,
        recompute_scale_factor=None""",
    "convlet.nn.functional.interpolate": """input, size=None, scale_factor=None, mode='nearest',
        align_corners=None, recompute_scale_factor=None""",
    "convlet.nn.utils.clip_grad_norm_": """parameters, max_norm, norm_type=2.0,
        error_if_nonfinite=False""",
    "convlet.nn.utils.clip_grad_value_": "parameters, clip_value",
    "convlet.maximum": "input, other",
    "convlet.where": "condition, input, other",
    "convlet.checkpoint": "function, args, use_reentrant=None",
    "convlet.autograd.grad": "outputs, inputs, grad_outputs=None, retain_graph=False",
    "convlet.nn.GroupNorm": "num_groups, num_channels, eps=1e-05, affine=True",
    "convlet.nn.LayerNorm": "normalized_shape, eps=1e-05, elementwise_affine=True, bias=True",
    "convlet.nn.functional.group_norm": "input, num_groups, weight=None, bias=None, eps=1e-05",
    "convlet.nn.functional.layer_norm": """input, normalized_shape, weight=None, bias=None,
        eps=1e-05""",
    "convlet.nn.LeakyReLU": "negative_slope=0.01, inplace=False",
    "convlet.nn.Conv1d": """in_channels, out_channels, kernel_size, stride=1, padding=0,
        dilation=1, groups=1, bias=True, padding_mode='zeros'""",
    "convlet.nn.Conv3d": """in_channels, out_channels, kernel_size, stride=1, padding=0,
        dilation=1, groups=1, bias=True, padding_mode='zeros'""",
    "convlet.nn.MaxPool1d": """kernel_size, stride=None, padding=0, dilation=1,
        return_indices=False, ceil_mode=False""",
    "convlet.nn.AvgPool1d": """kernel_size, stride=None, padding=0, ceil_mode=False,
        count_include_pad=True""",
    "convlet.nn.LPPool2d": "norm_type, kernel_size, stride=None, ceil_mode=False",
    "convlet.nn.MaxUnpool2d": "kernel_size, stride=None, padding=0",
    "convlet.nn.BatchNorm1d": """num_features, eps=1e-05, momentum=0.1, affine=True,
        track_running_stats=True""",
    "convlet.nn.InstanceNorm2d": """num_features, eps=1e-05, momentum=0.1, affine=False,
        track_running_stats=False""",
    "convlet.nn.LocalResponseNorm": "size, alpha=0.0001, beta=0.75, k=1.0",
    "convlet.nn.AlphaDropout": "p=0.5, inplace=False",
    "convlet.nn.Dropout2d": "p=0.5, inplace=False",
    "convlet.nn.Unflatten": "dim, unflattened_size",
    "convlet.nn.functional.max_pool2d": """input, kernel_size, stride=None, padding=0, dilation=1,
        ceil_mode=False, return_indices=False""",
    "convlet.nn.functional.max_unpool2d": """input, indices, kernel_size, stride=None, padding=0,
        output_size=None""",
    "convlet.nn.functional.instance_norm": """input, running_mean=None, running_var=None, weight=None,
        bias=None, use_input_stats=True, momentum=0.1, eps=1e-05""",
    "convlet.nn.functional.lp_pool2d": """input, norm_type, kernel_size, stride=None,
        ceil_mode=False""",
    "convlet.nn.functional.pad": "input, pad, mode='constant', value=None",
    "convlet.nn.ELU": "alpha=1.0, inplace=False",
    "convlet.nn.GELU": "approximate='none'",
    "convlet.nn.PReLU": "num_parameters=1, init=0.25",
    "convlet.nn.Softmax": "dim=None",
    "convlet.nn.LogSoftmax": "dim=None",
    "convlet.nn.Softplus": "beta=1.0, threshold=20.0",
    "convlet.nn.CrossEntropyLoss": "weight=None, ignore_index=-100, reduction='mean', label_smoothing=0",
    "convlet.nn.functional.cross_entropy": """input, target, weight=None, ignore_index=-100,
        reduction='mean', label_smoothing=0""",
    "convlet.nn.functional.sigmoid_focal_loss": """inputs, targets, alpha=0.25, gamma=2.0,
        reduction='none'""",
    "convlet.nn.AdaptiveAvgPool2d": "output_size",
    "convlet.nn.AdaptiveMaxPool2d": "output_size, return_indices=False",
    "convlet.nn.functional.conv2d": """input, weight, bias=None, stride=1, padding=0, dilation=1,
        groups=1""",
    "convlet.data.DataLoader": """dataset, batch_size=1, shuffle=False, sampler=None,
        batch_sampler=None, num_workers=0, collate_fn=None, pin_memory=False, drop_last=False""",
    "convlet.data.Subset": "dataset, indices",
    "convlet.data.WeightedRandomSampler": "weights, num_samples, replacement=True",
    "convlet.data.random_split": "dataset, lengths, generator=None",
    "convlet.data.transforms.RandomCrop": """size, padding=None, pad_if_needed=False, fill=0,
        padding_mode='constant'""",
    "convlet.data.transforms.ColorJitter": "brightness=0, contrast=0, saturation=0, hue=0",
    "convlet.data.transforms.Normalize": "mean, std, inplace=False",
    "convlet.data.transforms.RandomErasing": """p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0,
        inplace=False""",
    "convlet.data.transforms.RandomHorizontalFlip": "p=0.5",
    "convlet.optim.SGD": "params, lr=0.001, momentum=0, dampening=0, weight_decay=0",
    "convlet.optim.Adam": "params, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0",
    "convlet.optim.RMSprop": """params, lr=0.01, alpha=0.99, eps=1e-08, weight_decay=0, momentum=0,
        centered=False""",
    "convlet.optim.lr_scheduler.StepLR": "optimizer, step_size, gamma=0.1, last_epoch=-1",
    "convlet.optim.lr_scheduler.MultiStepLR": "optimizer, milestones, gamma=0.1, last_epoch=-1",
    "convlet.optim.lr_scheduler.CosineAnnealingLR": "optimizer, T_max, eta_min=0, last_epoch=-1",
    "convlet.optim.lr_scheduler.OneCycleLR": """optimizer, max_lr, total_steps=None, epochs=None,
        steps_per_epoch=None, pct_start=0.3, anneal_strategy='cos', cycle_momentum=True,
        base_momentum=0.85, max_momentum=0.95, div_factor=25.0, final_div_factor=10000.0""",
    "convlet.optim.lr_scheduler.ReduceLROnPlateau": """optimizer, mode='min', factor=0.1,
        patience=10, threshold=0.0001, threshold_mode='rel', cooldown=0, min_lr=0, eps=1e-08""",
    "convlet.ops.conv2d": "x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1",
    "convlet.ops.max_pool2d": """x, kernel_size, stride=None, padding=0, dilation=1,
        ceil_mode=False""",
}


def public_modules() -> list[str]:
    found = pkgutil.walk_packages(convlet.__path__, "convlet.")
    return sorted(
        module.name
        for module in found
        if not any(part.startswith("_") for part in module.name.split("."))
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_names_that_users_type_are_there(name: str) -> None:
    module = importlib.import_module(name)
    wanted = set(NAMES[name].split())
    assert wanted <= set(module.__all__) | {"__version__"}
    assert all(hasattr(module, each) for each in wanted)
    assert wanted <= set(dir(module))


@pytest.mark.parametrize("name", public_modules())
def test_all_lists_names_that_exist_once(name: str) -> None:
    module = importlib.import_module(name)
    is_folder = hasattr(module, "__path__") and name != "convlet.cli"
    assert hasattr(module, "__all__") or not is_folder, f"{name} has no __all__"
    listed = getattr(module, "__all__", [])
    assert all(hasattr(module, key) for key in listed)
    assert len(set(listed)) == len(listed)


def undocumented(module: ModuleType) -> list[str]:
    missing = []
    for key in getattr(module, "__all__", ()):
        value = getattr(module, key)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        if not (value.__doc__ or "").strip():
            missing.append(f"{module.__name__}.{key}")
    return missing


def test_everything_public_has_a_docstring() -> None:
    modules = [importlib.import_module(name) for name in public_modules()]
    assert [name for module in modules for name in undocumented(module)] == []


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_those_of_pytorch(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    signature = inspect.signature(getattr(importlib.import_module(module), attribute))
    texts = [
        parameter.name
        if parameter.default is inspect.Parameter.empty
        else f"{parameter.name}={parameter.default!r}"
        for parameter in signature.parameters.values()
    ]
    wanted = " ".join(SIGNATURES[name].split())
    assert f"{', '.join(texts)},".replace("=0.0,", "=0,").startswith(f"{wanted},")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'convlet' has no attribute 'conv3d'"):
        getattr(convlet, "conv3d")  # noqa: B009


HEAVY = [
    "matplotlib",
    "onnx",
    "rich",
    "torch",
    "safetensors",
    "PIL",
    "mlxtend",
    "pandas",
    "scipy",
    "sklearn",
    "tensorflow",
    "multiprocessing.pool",
    "numpy.testing",
    "numpy.f2py",
    "pytest",
]


def test_importing_is_light() -> None:
    code = f"""
    import sys
    import convlet
    from convlet import data, io, models, nn, ops, optim, train, viz
    import convlet.nn.functional, convlet.cli.main
    print([name for name in {HEAVY} if name in sys.modules])
    """
    assert output_of(code) == "[]"


def test_importing_reads_and_writes_nothing_outside_the_package() -> None:
    code = """
    import os, sys
    import numpy
    here = os.path.dirname(numpy.__file__)
    touched = []
    def hook(event, arguments):
        if event in {"socket.connect", "subprocess.Popen", "os.mkdir", "os.system"}:
            touched.append((event, str(arguments)))
        if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            touched.append((event, str(arguments)))
    sys.dont_write_bytecode = True
    sys.addaudithook(hook)
    import convlet
    from convlet import data, io, models, nn, ops, optim, train, viz
    print(touched)
    """
    assert output_of(code) == "[]"


def test_tab_completion_offers_the_public_names_only() -> None:
    offered = [name for name in dir(convlet) if not name.startswith("__")]
    assert set(offered) == set(convlet.__all__) - {"__version__"}
