// Cutting the pixels of an output into blocks: by the shape alone, never by the thread count.
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

}  // namespace convlet
