// convlet._core: numbers in, numbers out. Everything a user sees is written in python/convlet.
#include "array.hpp"
#include "bindings.hpp"
#include "reject.hpp"

namespace convlet {

Activation activation_named(const char* op, const std::string& name) {
    if (name == "none") return Activation::none;
    if (name == "relu") return Activation::relu;
    if (name == "relu6") return Activation::relu6;
    if (name == "silu") return Activation::silu;
    if (name == "hardswish") return Activation::hardswish;
    reject(op, ": activation must be 'none', 'relu', 'relu6', 'silu' or 'hardswish', got '", name,
           "'");
}

}  // namespace convlet

PYBIND11_MODULE(_core, m) {
    m.doc() = "Kernels of convlet; see convlet.ops for the documented functions.";
    convlet::set_interrupt_check([] {
        const pybind11::gil_scoped_acquire acquire;
        return PyErr_CheckSignals() != 0;
    });
    convlet::bind_config(m);
    convlet::bind_conv2d(m);
    convlet::bind_conv2d_chain(m);
    convlet::bind_conv2d_norm(m);
    convlet::bind_linear(m);
    convlet::bind_pool2d(m);
    convlet::bind_adaptive_pool2d(m);
    convlet::bind_joining(m);
    convlet::bind_resize2d(m);
    convlet::bind_activation(m);
    convlet::bind_channel_scale(m);
    convlet::bind_prelu(m);
    convlet::bind_loss(m);
    convlet::bind_norm(m);
    convlet::bind_gradient_norm(m);
    convlet::bind_group_norm(m);
    convlet::bind_layer_norm(m);
    convlet::bind_optim(m);
    convlet::bind_dropout(m);
    convlet::bind_boxes(m);
    convlet::bind_roi_align(m);
}
