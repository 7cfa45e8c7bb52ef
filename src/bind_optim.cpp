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
        tensors.push_back(
            {parameter, owners.back().data, nullptr, nullptr, nullptr, params[i].size()});
    }
    return tensors;
}

// Where a rule keeps something per parameter; nothing where the list is empty and may be.
void keep(const char* op, const char* name, Arrays& arrays, Arrays& params,
          std::vector<OptimTensor>& tensors, float* OptimTensor::* member, bool needed) {
    if (!needed) return;
    check_count(op, name, arrays, params);
    for (std::size_t i = 0; i < params.size(); ++i)
        tensors[i].*member = same_size({op, name}, arrays[i], params[i]);
}

void check_step(const char* op, std::int64_t step) {
    if (step < 1) reject(op, ": step must be at least 1, got ", step);
}

SgdRule sgd_rule(double lr, double momentum, double dampening, double weight_decay, bool nesterov,
                 bool first, double scale) {
    return {static_cast<float>(lr),
            static_cast<float>(momentum),
            static_cast<float>(dampening),
            static_cast<float>(weight_decay),
            nesterov,
            first,
            static_cast<float>(scale)};
}

}  // namespace

void bind_optim(py::module_& m) {
    m.def(
        "sgd_step",
        [](Arrays params, const Arrays& grads, Arrays velocities, double lr, double momentum,
           double dampening, double weight_decay, bool nesterov, bool first, double scale) {
            const char* op = "sgd_step";
            std::vector<Dense> owners;
            std::vector<OptimTensor> tensors = checked_tensors(op, params, grads, owners);
            keep(op, "velocities", velocities, params, tensors, &OptimTensor::first, momentum != 0);
            check_apart(op, tensors);
            const SgdRule rule =
                sgd_rule(lr, momentum, dampening, weight_decay, nesterov, first, scale);
            without_gil([&] { sgd_step(tensors, rule); });
        },
        "params"_a, "grads"_a, "velocities"_a, "lr"_a, "momentum"_a, "dampening"_a,
        "weight_decay"_a, "nesterov"_a, "first"_a, "scale"_a = 1.0);
    m.def(
        "lars_step",
        [](Arrays params, const Arrays& grads, Arrays velocities, double lr, double momentum,
           double dampening, double weight_decay, bool nesterov, bool first, double scale,
           double trust, double eps) {
            const char* op = "lars_step";
            std::vector<Dense> owners;
            std::vector<OptimTensor> tensors = checked_tensors(op, params, grads, owners);
            keep(op, "velocities", velocities, params, tensors, &OptimTensor::first, momentum != 0);
            check_apart(op, tensors);
            const SgdRule rule =
                sgd_rule(lr, momentum, dampening, weight_decay, nesterov, first, scale);
            without_gil([&] { lars_step(tensors, rule, trust, eps); });
        },
        "params"_a, "grads"_a, "velocities"_a, "lr"_a, "momentum"_a, "dampening"_a,
        "weight_decay"_a, "nesterov"_a, "first"_a, "scale"_a, "trust"_a, "eps"_a);
    m.def(
        "adam_step",
        [](Arrays params, const Arrays& grads, Arrays means, Arrays variances, double lr,
           double beta1, double beta2, double eps, double weight_decay, std::int64_t step,
           bool decoupled, double scale, Arrays largest) {
            const char* op = "adam_step";
            check_step(op, step);
            std::vector<Dense> owners;
            std::vector<OptimTensor> tensors = checked_tensors(op, params, grads, owners);
            keep(op, "means", means, params, tensors, &OptimTensor::first, true);
            keep(op, "variances", variances, params, tensors, &OptimTensor::second, true);
            keep(op, "largest", largest, params, tensors, &OptimTensor::third, !largest.empty());
            check_apart(op, tensors);
            const auto t = static_cast<double>(step);
            const AdamRule rule{static_cast<float>(1 - beta1),
                                static_cast<float>(1 - beta2),
                                static_cast<float>(beta2),
                                decoupled ? 0.0F : static_cast<float>(weight_decay),
                                decoupled ? static_cast<float>(1 - lr * weight_decay) : 1.0F,
                                static_cast<float>(lr / (1 - std::pow(beta1, t))),
                                static_cast<float>(std::sqrt(1 - std::pow(beta2, t))),
                                static_cast<float>(eps),
                                static_cast<float>(scale)};
            without_gil([&] { adam_step(tensors, rule); });
        },
        "params"_a, "grads"_a, "means"_a, "variances"_a, "lr"_a, "beta1"_a, "beta2"_a, "eps"_a,
        "weight_decay"_a, "step"_a, "decoupled"_a, "scale"_a = 1.0, "largest"_a = Arrays{});
    m.def(
        "lamb_step",
        [](Arrays params, const Arrays& grads, Arrays means, Arrays variances, double lr,
           double beta1, double beta2, double eps, double weight_decay, std::int64_t step,
           bool adapt, double scale) {
            const char* op = "lamb_step";
            check_step(op, step);
            std::vector<Dense> owners;
            std::vector<OptimTensor> tensors = checked_tensors(op, params, grads, owners);
            keep(op, "means", means, params, tensors, &OptimTensor::first, true);
            keep(op, "variances", variances, params, tensors, &OptimTensor::second, true);
            check_apart(op, tensors);
            const auto t = static_cast<double>(step);
            const LambRule rule{static_cast<float>(1 - beta1),
                                static_cast<float>(1 - beta2),
                                static_cast<float>(beta2),
                                static_cast<float>(1 - std::pow(beta1, t)),
                                static_cast<float>(std::sqrt(1 - std::pow(beta2, t))),
                                static_cast<float>(eps),
                                static_cast<float>(weight_decay),
                                static_cast<float>(scale)};
            without_gil([&] { lamb_step(tensors, rule, lr, adapt); });
        },
        "params"_a, "grads"_a, "means"_a, "variances"_a, "lr"_a, "beta1"_a, "beta2"_a, "eps"_a,
        "weight_decay"_a, "step"_a, "adapt"_a, "scale"_a);
    m.def(
        "rmsprop_step",
        [](Arrays params, const Arrays& grads, Arrays squares, Arrays means, Arrays buffers,
           double lr, double alpha, double eps, double weight_decay, double momentum, bool centered,
           double scale) {
            const char* op = "rmsprop_step";
            std::vector<Dense> owners;
            std::vector<OptimTensor> tensors = checked_tensors(op, params, grads, owners);
            keep(op, "squares", squares, params, tensors, &OptimTensor::first, true);
            keep(op, "means", means, params, tensors, &OptimTensor::second, centered);
            keep(op, "buffers", buffers, params, tensors, &OptimTensor::third, momentum != 0);
            check_apart(op, tensors);
            const RmspropRule rule{static_cast<float>(lr),       static_cast<float>(alpha),
                                   static_cast<float>(eps),      static_cast<float>(weight_decay),
                                   static_cast<float>(momentum), static_cast<float>(scale)};
            without_gil([&] { rmsprop_step(tensors, rule); });
        },
        "params"_a, "grads"_a, "squares"_a, "means"_a, "buffers"_a, "lr"_a, "alpha"_a, "eps"_a,
        "weight_decay"_a, "momentum"_a, "centered"_a, "scale"_a);
    m.def(
        "average_step",
        [](Arrays averages, const Arrays& values, double weight) {
            const char* op = "average_step";
            std::vector<Dense> owners;
            const std::vector<OptimTensor> tensors = checked_tensors(op, averages, values, owners);
            check_apart(op, tensors);
            without_gil([&] { average_step(tensors, weight); });
        },
        "averages"_a, "values"_a, "weight"_a);
}

}  // namespace convlet
