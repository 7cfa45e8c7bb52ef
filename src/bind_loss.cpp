#include "bindings.hpp"
#include "integers.hpp"
#include "loss.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

// One label in [0, classes) for each row.
Integers checked_labels(const Argument& argument, const Array& given, const Dense& rows) {
    const char* op = argument.op;
    check_integers({op, "labels"}, given, 1);
    if (rows.shape[1] < 1) reject(op, ": ", argument.name, " must have at least 1 class, got 0");
    check_extent(op, "labels", given.shape(0), rows.shape[0]);
    Integers labels = integers({op, "labels"}, given, 1);
    check_labels(op, labels.data, rows.shape[0], rows.shape[1]);
    return labels;
}

}  // namespace

void bind_loss(py::module_& m) {
    m.def(
        "softmax_cross_entropy_forward",
        [](const Array& logits, const Array& labels) {
            const Argument argument{"softmax_cross_entropy", "logits"};
            const Dense in = dense(argument, logits, 2);
            const Integers label = checked_labels(argument, labels, in);
            Array losses = empty({in.shape[0]}), probabilities = empty(in.shape);
            float *loss = data(losses), *p = data(probabilities);
            without_gil([&] {
                softmax_cross_entropy_forward(in.data, label.data, in.shape[0], in.shape[1], loss,
                                              p);
            });
            return py::make_tuple(losses, probabilities);
        },
        "logits"_a, "labels"_a);
    m.def(
        "softmax_cross_entropy_grad",
        [](const Array& probabilities, const Array& labels, const Array& dlosses) {
            const char* op = "softmax_cross_entropy_grad";
            const Argument argument{op, "probabilities"};
            const Dense in = dense(argument, probabilities, 2);
            const Integers label = checked_labels(argument, labels, in);
            const Dense grad = dense({op, "dlosses"}, dlosses, 1);
            check_extent(op, "dlosses", grad.shape[0], in.shape[0]);
            Array dlogits = empty(in.shape);
            float* out = data(dlogits);
            without_gil([&] {
                softmax_cross_entropy_grad(in.data, label.data, grad.data, in.shape[0], in.shape[1],
                                           out);
            });
            return dlogits;
        },
        "probabilities"_a, "labels"_a, "dlosses"_a);
}

}  // namespace convlet
