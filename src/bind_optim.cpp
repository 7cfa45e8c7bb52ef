#include <cmath>

#include "array.hpp"
#include "bindings.hpp"
#include "optim.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

using Arrays = std::vector<Array>;

void check_count(const char* op, const char* name, const Arrays& got, const Arrays& params) {
    if (got.size() != params.size())
        reject(op, ": ", name, " must have as many arrays as params (", params.size(), "), got ",
               got.size());
}

float* same_size(const Argument& argument, Array& array, const Array& parameter) {
    check_extent(argument.op, argument.name, array.size(), parameter.size());
    return in_place(argument, array);
}

// Everything is checked before anything is written. `owners` keeps brought-in gradients alive.
std::vector<OptimTensor> checked_tensors(const char* op, Arrays& params, const Arrays& grads,
                                         std::vector<Dense>& owners) {
    check_count(op, "grads", grads, params);
    std::vector<OptimTensor> tensors;
    for (std::size_t i = 0; i < params.size(); ++i) {
        float* parameter = in_place({op, "params"}, params[i]);
        owners.push_back(dense({op, "grads"}, grads[i], static_cast<int>(params[i].ndim())));
        for (py::ssize_t axis = 0; axis < params[i].ndim(); ++axis)
            check_extent(op, "an axis of grads", grads[i].shape(axis), params[i].shape(axis));
        tensors.push_back({parameter, owners.back().data, nullptr, nullptr, params[i].size()});
    }
    return tensors;
}

}  // namespace

void bind_optim(py::module_& m) {
    m.def(
        "sgd_step",
        [](Arrays params, const Arrays& grads, Arrays velocities, double lr, double momentum,
           double dampening, double weight_decay, bool nesterov, bool first) {
            const char* op = "sgd_step";
            std::vector<Dense> owners;
            std::vector<OptimTensor> tensors = checked_tensors(op, params, grads, owners);
            if (momentum != 0) {
                check_count(op, "velocities", velocities, params);
                for (std::size_t i = 0; i < params.size(); ++i)
                    tensors[i].first = same_size({op, "velocities"}, velocities[i], params[i]);
            }
            check_apart(op, tensors);
            const SgdRule rule{static_cast<float>(lr),
                               static_cast<float>(momentum),
                               static_cast<float>(dampening),
                               static_cast<float>(weight_decay),
                               nesterov,
                               first};
            without_gil([&] { sgd_step(tensors, rule); });
        },
        "params"_a, "grads"_a, "velocities"_a, "lr"_a, "momentum"_a, "dampening"_a,
        "weight_decay"_a, "nesterov"_a, "first"_a);
    m.def(
        "adam_step",
        [](Arrays params, const Arrays& grads, Arrays means, Arrays variances, double lr,
           double beta1, double beta2, double eps, double weight_decay, std::int64_t step,
           bool decoupled) {
            const char* op = "adam_step";
            if (step < 1) reject(op, ": step must be at least 1, got ", step);
            std::vector<Dense> owners;
            std::vector<OptimTensor> tensors = checked_tensors(op, params, grads, owners);
            check_count(op, "means", means, params);
            check_count(op, "variances", variances, params);
            for (std::size_t i = 0; i < params.size(); ++i) {
                tensors[i].first = same_size({op, "means"}, means[i], params[i]);
                tensors[i].second = same_size({op, "variances"}, variances[i], params[i]);
            }
            check_apart(op, tensors);
            const auto t = static_cast<double>(step);
            const AdamRule rule{static_cast<float>(1 - beta1),
                                static_cast<float>(1 - beta2),
                                static_cast<float>(beta2),
                                decoupled ? 0.0F : static_cast<float>(weight_decay),
                                decoupled ? static_cast<float>(1 - lr * weight_decay) : 1.0F,
                                static_cast<float>(lr / (1 - std::pow(beta1, t))),
                                static_cast<float>(std::sqrt(1 - std::pow(beta2, t))),
                                static_cast<float>(eps)};
            without_gil([&] { adam_step(tensors, rule); });
        },
        "params"_a, "grads"_a, "means"_a, "variances"_a, "lr"_a, "beta1"_a, "beta2"_a, "eps"_a,
        "weight_decay"_a, "step"_a, "decoupled"_a);
}

}  // namespace convlet
