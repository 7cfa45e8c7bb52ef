// Direct convolution: a GEMM whose left matrix is never written down.
//
// Rows are output pixels, columns output channels, the depth runs over taps and input channels. In
// NHWC the channels of neighbouring taps lie side by side, so one row of taps is one contiguous run
// of the depth (a Step), read straight from the strip.
#include "conv2d.hpp"

#include "gemm.hpp"
#include "pack.hpp"
#include "strip.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr std::int64_t DEPTH_BLOCK = 256;
constexpr int MAX_STEPS = 32;
constexpr std::int64_t MOST_PANELS = 32;
constexpr std::int64_t NEAR_FLOATS = 32 * 1024;  // of weights that all tiles of a block read

// Walks the depth in order, handing out runs of at most DEPTH_BLOCK floats in all.
struct DepthWalk {
    std::int64_t tap, within;  // next run: tap index, floats of it already handed out
    bool finished;
};

// A run covers a whole row of taps where they are neighbours, else one tap.
INLINE bool taps_adjoin(const Correlation& g, const Strip& s) {
    return g.dilation_w == 1 && s.pixel == g.channels;
}

INLINE int next_steps(const Correlation& g, const Strip& strip, DepthWalk& walk, Step* steps,
                      std::int64_t& depth) {
    const bool rows = taps_adjoin(g, strip);
    const std::int64_t runs = rows ? g.kernel_h : g.kernel_h * g.kernel_w;
    const std::int64_t run = rows ? g.kernel_w * g.channels : g.channels;
    int count = 0;
    depth = 0;
    while (walk.tap < runs && count < MAX_STEPS && depth < DEPTH_BLOCK) {
        const std::int64_t r = rows ? walk.tap : walk.tap / g.kernel_w;
        const std::int64_t s = rows ? 0 : walk.tap % g.kernel_w;
        const std::int64_t take = smaller(run - walk.within, DEPTH_BLOCK - depth);
        steps[count++] = {r * strip.tap_row + s * strip.tap_pixel + walk.within, take};
        depth += take;
        walk.within += take;
        if (walk.within == run) {
            walk.within = 0;
            ++walk.tap;
        }
    }
    walk.finished = walk.tap >= runs;
    return count;
}

constexpr int MOST_ROWS = 8;

// The pixels of a register tile: where each is read and written.
struct PixelTile {
    int rows;
    const float* a[MOST_ROWS];
    float* c[MOST_ROWS];  // beyond the rows some pixel, for those who only ask for memory
};

// Hands out a block's pixels in tiles of equal shares: 7 are 4 + 3, not 6 + 1.
struct TileWalk {
    std::int64_t tiles, rows, larger;  // left, of how many pixels, and how many have one more
    std::int64_t j, columns;           // column of the next pixel, and those of a row
    const float* a;                    // what that pixel reads, and from it to the next one, and
    std::int64_t a_pixel, a_row;       // from behind the last of a row to the first of the next
    float* c;                          // and the same of what it writes
    std::int64_t c_pixel, c_row;
};

INLINE TileWalk tiles_of(const Correlation& g, const PixelBlock& block, const Strip& strip,
                         std::int64_t most) {
    const std::int64_t columns = block.j1 - block.j0, pixels = (block.i1 - block.i0) * columns;
    const std::int64_t tiles = (pixels + most - 1) / most;
    const std::int64_t a_pixel = g.step_w * strip.pixel;
    return {tiles,
            tiles == 0 ? 0 : pixels / tiles,
            tiles == 0 ? 0 : pixels % tiles,
            0,
            columns,
            strip.origin,
            a_pixel,
            g.step_h * strip.row - columns * a_pixel,
            g.y + block.image * g.y_image + block.i0 * g.y_row + block.j0 * g.y_pixel,
            g.y_pixel,
            g.y_row - columns * g.y_pixel};
}

INLINE void next_tile(TileWalk& walk, PixelTile& tile) {
    tile.rows = 0;
    if (walk.tiles == 0) return;
    tile.rows = static_cast<int>(walk.rows + (walk.larger > 0 ? 1 : 0));
    if (walk.j + MOST_ROWS < walk.columns) {  // of one image row, whatever their number
        UNROLL
        for (int q = 0; q < MOST_ROWS; ++q) {
            tile.a[q] = walk.a + q * walk.a_pixel;
            tile.c[q] = walk.c + q * walk.c_pixel;
        }
        walk.j += tile.rows;
        walk.a += tile.rows * walk.a_pixel;
        walk.c += tile.rows * walk.c_pixel;
    } else {
        for (int q = 0; q < tile.rows; ++q) {
            tile.a[q] = walk.a;
            tile.c[q] = walk.c;
            walk.a += walk.a_pixel;
            walk.c += walk.c_pixel;
            if (++walk.j == walk.columns) {
                walk.j = 0;
                walk.a += walk.a_row;
                walk.c += walk.c_row;
            }
        }
        for (int q = tile.rows; q < MOST_ROWS; ++q) tile.c[q] = tile.c[tile.rows - 1];
    }
    --walk.larger;
    --walk.tiles;
}

// What a tile will read, where that is one piece of memory: each of its rows alone is too short for
// the processor to guess the next. As many parts as there are panels ask for it in turn.
struct AskedFor {
    const float* from;
    std::int64_t floats, part;
};

INLINE AskedFor asked_for(const PixelTile& tile, const Step& step, std::int64_t parts) {
    if (tile.rows == 0) return {nullptr, 0, 0};
    const std::int64_t floats = tile.a[tile.rows - 1] - tile.a[0] + step.depth;
    if (floats > tile.rows * (step.depth + 16)) return {nullptr, 0, 0};
    return {tile.a[0] + step.offset, floats, parts == 1 ? floats : (floats + parts - 1) / parts};
}

INLINE void ask_for(const AskedFor& asked, std::int64_t part) {
    const std::int64_t last = smaller(asked.floats, (part + 1) * asked.part);
    for (std::int64_t i = part * asked.part; i < last; i += 16) __builtin_prefetch(asked.from + i);
}

// Panels [first, last), equally wide, whose weights stay near while all tiles of a block go by.
struct NearPanels {
    std::int64_t first, last, width;
    Epilogue epilogues[MOST_PANELS];
    float scale[WIDEST * VECTOR], bias[WIDEST * VECTOR];  // what takes the place of those below
};

// A number per lane of a panel: those of its columns where each lane has one. Lanes without get
// `otherwise`, which leaves the sums as they are.
INLINE const float* per_lane(const float* columns, std::int64_t valid, std::int64_t width,
                             float otherwise, float* lanes) {
    if (columns != nullptr && valid == width) return columns;
    std::int64_t l = 0;
    if (columns != nullptr)
        for (; l < valid; ++l) lanes[l] = columns[l];
    for (; l < width; ++l) lanes[l] = otherwise;
    return lanes;
}

INLINE void take_panels(const Correlation& g, std::int64_t depth, std::int64_t first,
                        std::int64_t last, NearPanels& near) {
    near.first = near.last = first;
    near.width = panel_width(g.panels, first);
    const std::int64_t most = smaller(MOST_PANELS, larger(1, NEAR_FLOATS / (depth * near.width)));
    while (near.last < smaller(last, first + most) &&
           panel_width(g.panels, near.last) == near.width) {
        const std::int64_t start = panel_start(g.panels, near.last);
        const std::int64_t valid = smaller(near.width, g.panels.columns - start);
        Epilogue& e = near.epilogues[near.last - first];
        e = from_column(g.epilogue, start);
        e.scale = per_lane(e.scale, valid, near.width, 1.0F, near.scale);
        e.bias = per_lane(e.bias, valid, near.width, 0.0F, near.bias);
        ++near.last;
    }
}

INLINE bool is_empty(const Epilogue& e) {
    return e.scale == nullptr && e.bias == nullptr && e.residual == nullptr &&
           e.activation == Activation::none;
}

// Each tile of pixels meets all panels before the next one does: its rows stay in the L1, and what
// it writes are whole rows.
INLINE void run_panels(const Correlation& g, const PixelBlock& block, const Strip& strip,
                       const NearPanels& near) {
    const std::int64_t depth_of_all = g.kernel_h * g.kernel_w * g.channels;
    const bool in_place = g.packed_step != 0;
    const std::int64_t panel_floats = near.width * (in_place ? 1 : depth_of_all);
    const float* b = g.packed + panel_start(g.panels, near.first) * (in_place ? 1 : depth_of_all);
    const int most = rows_for(near.width);
    Step steps[MAX_STEPS];
    PixelTile turns[2];
    TileTask task{};
    task.steps = steps;
    task.b_step = in_place ? g.packed_step : near.width;
    task.origin = g.y;
    DepthWalk walk{0, 0, false};
    do {
        std::int64_t depth = 0;
        task.step_count = next_steps(g, strip, walk, steps, depth);
        const bool completes = walk.finished && !is_empty(g.epilogue);
        TileWalk tiles = tiles_of(g, block, strip, most);
        next_tile(tiles, turns[0]);
        for (int turn = 0; turns[turn].rows > 0; turn = 1 - turn) {
            const PixelTile& now = turns[turn];
            PixelTile& next = turns[1 - turn];
            next_tile(tiles, next);
            task.a = now.a;
            task.c = now.c;
            task.c_next = next.rows > 0 ? next.c : now.c;
            const AskedFor asked = task.step_count == 1
                                       ? asked_for(next, steps[0], near.last - near.first)
                                       : AskedFor{nullptr, 0, 0};
            for (std::int64_t panel = near.first; panel < near.last; ++panel) {
                task.column = panel_start(g.panels, panel);
                task.valid = smaller(near.width, g.panels.columns - task.column);
                task.epilogue = completes ? &near.epilogues[panel - near.first] : nullptr;
                task.b = b + (panel - near.first) * panel_floats;
                ask_for(asked, panel - near.first);
                run_tile(now.rows, near.width, task);
            }
        }
        b += depth * task.b_step;
        task.resume = true;
    } while (!walk.finished);
}

}  // namespace

Panels panels(std::int64_t columns, bool whole_registers) {
    const std::int64_t wide = WIDEST * VECTOR;
    const std::int64_t rest = columns % wide;
    const std::int64_t lanes = rest <= HALF && !whole_registers ? HALF : VECTOR;
    return {columns, wide, columns / wide, (rest + lanes - 1) / lanes * lanes};
}

void pack_weight(const WeightPacking& p, std::int64_t panel) {
    const std::int64_t width = panel_width(p.panels, panel);
    const std::int64_t start = panel_start(p.panels, panel);
    const std::int64_t valid = smaller(width, p.panels.columns - start);
    float* to = p.packed + start * p.depth * p.tap_count;
    const std::int64_t tap = p.depth * width;
    if (valid < width) zero_floats(to, p.tap_count * tap);
    // Lanes that are neighbours are copied a panel at a time, others a register.
    const std::int64_t lanes = p.lane_stride == 1 ? width : VECTOR;
    for (std::int64_t k = 0; k < valid; k += lanes)
        for (std::int64_t d = 0; d < p.depth; d += PACK_DEPTH)
            read_weights(p, d, smaller(p.depth, d + PACK_DEPTH), start + k,
                         smaller(lanes, valid - k), {to + d * width + k, tap, width});
}

std::int64_t strip_floats(const Correlation& g, const PixelBlock& largest) {
    return strip_size(g, largest);
}

void correlate(const Correlation& g, const PixelBlock& block, std::int64_t first_panel,
               std::int64_t last_panel, float* buffer) {
    const Strip strip = make_strip(g, block, buffer);
    const std::int64_t depth =
        smaller(larger(1, g.kernel_h * g.kernel_w * g.channels), DEPTH_BLOCK);
    NearPanels near;
    for (std::int64_t panel = first_panel; panel < last_panel; panel = near.last) {
        take_panels(g, depth, panel, last_panel, near);
        run_panels(g, block, strip, near);
    }
}

}  // namespace convlet::CONVLET_ISA
