// Cutting pixels into blocks and rows into chunks: by the shape alone, never by the thread count.
#pragma once

#include <cstdint>

#include "kernel_table.hpp"

namespace convlet {

struct Blocks {
    std::int64_t images, height, width;
    std::int64_t rows, columns;            // pixels of a block, the last ones may be smaller
    std::int64_t row_count, column_count;  // blocks along an image's height and width
};

// Blocks of about `pixels` pixels: whole rows where a row is short, pieces of a row where not.
Blocks cut_blocks(std::int64_t images, std::int64_t height, std::int64_t width,
                  std::int64_t pixels);

inline std::int64_t block_count(const Blocks& b) { return b.images * b.row_count * b.column_count; }
PixelBlock block_at(const Blocks& blocks, std::int64_t index);
PixelBlock largest_block(const Blocks& blocks);

// Rows in so many equal chunks, whose partial results are joined in their order.
struct Chunks {
    std::int64_t count, rows;
    std::int64_t first(std::int64_t chunk) const { return chunk * rows / count; }
    std::int64_t size(std::int64_t chunk) const { return first(chunk + 1) - first(chunk); }
};

}  // namespace convlet
