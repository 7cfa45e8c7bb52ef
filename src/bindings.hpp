// One function per operator file; module.cpp calls them all.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "kernel_table.hpp"

namespace convlet {

void bind_config(pybind11::module_& m);
void bind_conv2d(pybind11::module_& m);
void bind_conv2d_norm(pybind11::module_& m);
void bind_conv2d_chain(pybind11::module_& m);
void bind_linear(pybind11::module_& m);
void bind_pool2d(pybind11::module_& m);
void bind_adaptive_pool2d(pybind11::module_& m);
void bind_joining(pybind11::module_& m);
void bind_resize2d(pybind11::module_& m);
void bind_activation(pybind11::module_& m);
void bind_channel_scale(pybind11::module_& m);
void bind_prelu(pybind11::module_& m);
void bind_loss(pybind11::module_& m);
void bind_norm(pybind11::module_& m);
void bind_gradient_norm(pybind11::module_& m);
void bind_group_norm(pybind11::module_& m);
void bind_layer_norm(pybind11::module_& m);
void bind_optim(pybind11::module_& m);
void bind_dropout(pybind11::module_& m);
void bind_boxes(pybind11::module_& m);
void bind_roi_align(pybind11::module_& m);

// "none", "relu", "relu6", "silu" or "hardswish"; ValueError for any other name.
Activation activation_named(const char* op, const std::string& name);

}  // namespace convlet
