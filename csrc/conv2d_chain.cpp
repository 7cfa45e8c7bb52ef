// Depth before breadth: each task computes a few rows of the last output, and of every link before
// it the rows that they need and that the rows above have not left behind. What is between the
// links are such bands of rows, in the task's own memory.
#include "conv2d_chain.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "caches.hpp"
#include "conv2d.hpp"
#include "correlation.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::size_t MOST_LINKS = 4;
constexpr std::int64_t ENOUGH_TASKS = 16;
constexpr std::int64_t LEAST_BANDS = 2;  // of a task: the first one computes the rows above it too

struct Rows {
    std::int64_t first, last;
    std::int64_t count() const { return last - first; }
};

bool is_pointwise(const Conv2dShape& s) {
    const Borders& p = s.padding;
    return s.kernel.h == 1 && s.kernel.w == 1 && s.stride.h == 1 && s.stride.w == 1 &&
           s.groups == 1 && p.before.h == 0 && p.before.w == 0 && p.after.h == 0 && p.after.w == 0;
}

std::int64_t row_floats(const Conv2dShape& s) { return s.out_width * s.out_channels; }

// How many links, from the first on, may go by bands: half of the L2 has room for their weights,
// which every band reads.
std::size_t streaming(std::span<const ChainLink> links) {
    std::size_t count = 0;
    std::int64_t weights = 0;
    for (const ChainLink& link : links.first(std::min(links.size(), MOST_LINKS))) {
        const Conv2dShape& s = link.shape;
        weights += s.out_channels * s.group_channels * s.kernel.h * s.kernel.w;
        if (!(is_pointwise(s) || is_depthwise(s)) || weights > l2_floats() / 2) break;
        ++count;
    }
    return count;
}

// Whether bands pay: what is between two links does not fit the L2.
bool bands_pay(std::span<const ChainLink> links) {
    std::int64_t most = 0;
    for (std::size_t i = 0; i + 1 < links.size(); ++i) {
        const Conv2dShape& s = links[i].shape;
        most = std::max(most, s.images * s.out_height * row_floats(s));
    }
    return most > l2_floats();
}

// The rows of its input that rows of an output are made of.
Rows rows_read(const Conv2dShape& s, Rows rows) {
    const std::int64_t first = rows.first * s.stride.h - s.padding.before.h;
    const std::int64_t last =
        (rows.last - 1) * s.stride.h - s.padding.before.h + (s.kernel.h - 1) * s.dilation.h + 1;
    const std::int64_t from = std::clamp<std::int64_t>(first, 0, s.height);
    return {from, std::clamp(last, from, s.height)};
}

// A link with its weights in place, and its band.
struct Stage {
    Stage(const ChainLink& link, std::int64_t rows)
        : shape(link.shape),
          taps(forward_taps(link.shape)),
          plans{forward_plan(link.shape, link.weight, link.epilogue, taps)},
          weights(plans, link.kept),
          most_rows(rows) {}
    const Plan& plan() const { return plans.front(); }

    Conv2dShape shape;
    std::vector<std::int64_t> taps;
    std::vector<Plan> plans;
    PlacedWeights weights;
    std::int64_t most_rows;  // of a band that it writes
};

// Of each link, the rows of a band of which the last one has so many.
std::vector<std::int64_t> band_rows(std::span<const ChainLink> links, std::int64_t rows) {
    std::vector<std::int64_t> all(links.size());
    for (std::size_t i = links.size(); i-- > 0;) {
        const Conv2dShape& s = links[i].shape;
        all[i] = rows = std::min(rows, s.out_height);
        rows = (rows - 1) * s.stride.h + (s.kernel.h - 1) * s.dilation.h + 1;
    }
    return all;
}

std::int64_t floats_between(std::span<const ChainLink> links,
                            const std::vector<std::int64_t>& rows) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i + 1 < links.size(); ++i) sum += rows[i] * row_floats(links[i].shape);
    return sum;
}

// As many rows, an even number, as take a quarter of the L2 between the links; two at least.
std::vector<std::int64_t> fitting_rows(std::span<const ChainLink> links) {
    std::int64_t rows = 2;
    while (rows < links.back().shape.out_height &&
           floats_between(links, band_rows(links, rows + 2)) <= l2_floats() / 4)
        rows += 2;
    return band_rows(links, rows);
}

Correlation pixels_of(const Stage& stage, std::int64_t pixels) {
    Correlation g = stage.plan().geometry;  // one long row
    g.width = g.out_width = pixels;
    g.y_row = g.y_image = pixels * g.y_pixel;
    return g;
}

std::int64_t strip_floats(const Stage& stage) {
    if (stage.plan().geometry.depthwise) return 0;
    const Correlation g = pixels_of(stage, stage.most_rows * stage.shape.out_width);
    return kernels().strip_floats(g, largest_block(blocks_of(g)));
}

// Rows of one image, read from `in`, where the rows `in_rows` of the link's input are.
void write_rows(const Stage& stage, Rows rows, const float* in, Rows in_rows, std::int64_t image,
                float* out, float* strip) {
    const KernelTable& table = kernels();
    const Conv2dShape& s = stage.shape;
    Correlation g = stage.plan().geometry;
    if (!g.depthwise) g = pixels_of(stage, rows.count() * s.out_width);
    g.y = out;
    if (g.epilogue.residual != nullptr)
        g.epilogue.residual += (image * s.out_height + rows.first) * row_floats(s);
    if (g.depthwise) {
        g.x = in;
        g.images = 1;
        g.height = in_rows.count();
        g.origin_h += rows.first * g.step_h - in_rows.first;
        g.out_height = rows.count();
        return table.depthwise(g, {0, 0, rows.count(), 0, s.out_width});
    }
    g.x = in + (rows.first - in_rows.first) * s.width * s.channels;
    const Blocks blocks = blocks_of(g);
    for (std::int64_t block = 0; block < block_count(blocks); ++block)
        table.correlate(g, block_at(blocks, block), 0, panel_count(g.panels), strip);
}

void run_bands(std::span<const ChainLink> links, const float* x, float* y) {
    const std::vector<std::int64_t> most_rows = fitting_rows(links);
    std::vector<std::unique_ptr<Stage>> stages;
    std::int64_t strip = 0;
    double cost = 0;
    for (std::size_t i = 0; i < links.size(); ++i) {
        stages.push_back(std::make_unique<Stage>(links[i], most_rows[i]));
        strip = std::max(strip, strip_floats(*stages.back()));
        cost += flops(stages.back()->plan().geometry) / FLOPS_PER_COST;
    }
    const std::size_t end = links.size() - 1;
    const Conv2dShape &from = links.front().shape, &to = links.back().shape;
    const std::int64_t wanted = std::max<std::int64_t>(ENOUGH_TASKS, get_num_threads());
    const std::int64_t parts =
        std::clamp<std::int64_t>(to.out_height / (LEAST_BANDS * most_rows[end]), 1,
                                 ceil_div(wanted, std::max<std::int64_t>(1, to.images)));
    const std::int64_t floats = floats_between(links, most_rows) + strip;
    parallel_for_scratch(to.images * parts, cost, floats, [&](std::int64_t task, float* scratch) {
        const std::int64_t image = task / parts, part = task % parts;
        const float* pixels = x + image * from.height * from.width * from.channels;
        float* const result = y + image * to.out_height * row_floats(to);
        std::array<float*, MOST_LINKS> bands;
        float* band = scratch + strip;
        for (std::size_t i = 0; i < end; ++i) {
            bands[i] = band;
            band += most_rows[i] * row_floats(links[i].shape);
        }
        std::array<Rows, MOST_LINKS> there{}, written;  // in bands, and by this step
        const std::int64_t last = (part + 1) * to.out_height / parts;
        for (std::int64_t row = part * to.out_height / parts; row < last; row += most_rows[end]) {
            written[end] = {row, std::min(last, row + most_rows[end])};
            for (std::size_t i = end; i-- > 0;) {
                const Rows wants = rows_read(links[i + 1].shape, written[i + 1]);
                const std::int64_t width = row_floats(links[i].shape);
                const std::int64_t kept = std::max(wants.first, there[i].last);
                if (wants.first > there[i].first && kept > wants.first)  // they move up
                    std::copy(bands[i] + (wants.first - there[i].first) * width,
                              bands[i] + (kept - there[i].first) * width, bands[i]);
                written[i] = {kept, std::max(kept, wants.last)};
                there[i] = {wants.first, written[i].last};
            }
            for (std::size_t i = 0; i <= end; ++i) {
                if (written[i].count() == 0) continue;
                float* const out = i == end ? result + row * row_floats(to)
                                            : bands[i] + (written[i].first - there[i].first) *
                                                             row_floats(links[i].shape);
                write_rows(*stages[i], written[i], i == 0 ? pixels : bands[i - 1],
                           i == 0 ? Rows{0, from.height} : there[i - 1], image, out, scratch);
            }
        }
    });
}

}  // namespace

void conv2d_chain(std::span<const ChainLink> links, const float* x, float* y) {
    std::unique_ptr<Floats> before, after;
    while (!links.empty()) {
        std::size_t count = streaming(links);
        const bool bands = bands_pay(links.first(count));
        if (!bands) count = 1;
        const ChainLink& last = links[count - 1];
        float* out = y;
        if (count < links.size()) {
            const Conv2dShape& s = last.shape;
            after = std::make_unique<Floats>(s.images * s.out_height * row_floats(s));
            out = after->data();
        }
        if (bands)
            run_bands(links.first(count), x, out);
        else
            conv2d_forward(last.shape, x, last.weight, last.epilogue, out, last.kept);
        before = std::move(after);
        x = out;
        links = links.subspan(count);
    }
}

}  // namespace convlet
