#include "bindings.hpp"
#include "integers.hpp"
#include "loss.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

using OptionalInt = std::optional<std::int64_t>;

// A row of scores for each label, and what the user said beside.
struct Rows {
    std::optional<Dense> weight;
    CrossEntropy rule;
    Integers labels;
};

Rows checked_rows(const Argument& argument, const Dense& rows, const Array& labels,
                  const OptionalArray& weight, const OptionalInt& ignored, float smoothing) {
    const char* op = argument.op;
    check_integers({op, "labels"}, labels, 1);
    if (rows.shape[1] < 1) reject(op, ": ", argument.name, " must have at least 1 class, got 0");
    check_extent(op, "labels", labels.shape(0), rows.shape[0]);
    Rows checked{dense({op, "weight"}, weight, 1), {}, integers({op, "labels"}, labels, 1)};
    if (checked.weight) check_extent(op, "weight", checked.weight->shape[0], rows.shape[1]);
    checked.rule = {rows.shape[1], ignored.value_or(-1),  // which no label is, once checked
                    checked.weight ? checked.weight->data : nullptr, smoothing};
    check_cross_entropy(op, checked.rule, ignored.has_value(), checked.labels.data, rows.shape[0]);
    return checked;
}

}  // namespace

void bind_loss(py::module_& m) {
    m.def(
        "softmax_cross_entropy_forward",
        [](const Array& logits, const Array& labels, const OptionalArray& weight,
           const OptionalInt& ignore_index, float label_smoothing) {
            const Argument argument{"softmax_cross_entropy", "logits"};
            const Dense in = dense(argument, logits, 2);
            const Rows rows =
                checked_rows(argument, in, labels, weight, ignore_index, label_smoothing);
            Array losses = empty({in.shape[0]}), probabilities = empty(in.shape);
            float *loss = data(losses), *p = data(probabilities);
            without_gil([&] {
                softmax_cross_entropy_forward(rows.rule, in.data, rows.labels.data, in.shape[0],
                                              loss, p);
            });
            return py::make_tuple(losses, probabilities);
        },
        "logits"_a, "labels"_a, "weight"_a = py::none(), "ignore_index"_a = py::none(),
        "label_smoothing"_a = 0.0F);
    m.def(
        "softmax_cross_entropy_grad",
        [](const Array& probabilities, const Array& labels, const Array& dlosses,
           const OptionalArray& weight, const OptionalInt& ignore_index, float label_smoothing) {
            const char* op = "softmax_cross_entropy_grad";
            const Argument argument{op, "probabilities"};
            const Dense in = dense(argument, probabilities, 2);
            const Rows rows =
                checked_rows(argument, in, labels, weight, ignore_index, label_smoothing);
            const Dense grad = dense({op, "dlosses"}, dlosses, 1);
            check_extent(op, "dlosses", grad.shape[0], in.shape[0]);
            Array dlogits = empty(in.shape);
            float* out = data(dlogits);
            without_gil([&] {
                softmax_cross_entropy_grad(rows.rule, in.data, rows.labels.data, grad.data,
                                           in.shape[0], out);
            });
            return dlogits;
        },
        "probabilities"_a, "labels"_a, "dlosses"_a, "weight"_a = py::none(),
        "ignore_index"_a = py::none(), "label_smoothing"_a = 0.0F);
    m.def(
        "binary_cross_entropy_forward",
        [](const Array& logits, const Array& targets, float pos_weight) {
            const char* op = "binary_cross_entropy";
            const Flat in = flat({op, "logits"}, logits);
            const Flat target = flat_like({op, "targets"}, targets, in);
            Array losses = empty_like(in);
            float* out = data(losses);
            without_gil([&] {
                binary_cross_entropy_forward(in.data, target.data, in.size, pos_weight, out);
            });
            return losses;
        },
        "logits"_a, "targets"_a, "pos_weight"_a);
    m.def(
        "binary_cross_entropy_grad",
        [](const Array& dlosses, const Array& logits, const Array& targets, float pos_weight) {
            const char* op = "binary_cross_entropy_grad";
            const Flat in = flat({op, "logits"}, logits);
            const Flat target = flat_like({op, "targets"}, targets, in);
            const Flat grad = flat_like({op, "dlosses"}, dlosses, in);
            Array dlogits = empty_like(in);
            float* out = data(dlogits);
            without_gil([&] {
                binary_cross_entropy_grad(grad.data, in.data, target.data, in.size, pos_weight,
                                          out);
            });
            return dlogits;
        },
        "dlosses"_a, "logits"_a, "targets"_a, "pos_weight"_a);
}

}  // namespace convlet
