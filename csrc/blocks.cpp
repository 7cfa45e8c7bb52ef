#include "blocks.hpp"

#include <algorithm>

#include "threads.hpp"

namespace convlet {

Blocks cut_blocks(std::int64_t images, std::int64_t height, std::int64_t width,
                  std::int64_t pixels) {
    Blocks b{images, height, width, 1, width, 0, 0};
    if (images * height * width == 0) return b;
    if (width > pixels) {
        b.columns = ceil_div(width, ceil_div(width, pixels));
    } else {
        const std::int64_t rows = std::clamp<std::int64_t>(pixels / width, 1, height);
        b.rows = ceil_div(height, ceil_div(height, rows));
    }
    b.row_count = ceil_div(height, b.rows);
    b.column_count = ceil_div(width, b.columns);
    return b;
}

PixelBlock block_at(const Blocks& b, std::int64_t index) {
    const std::int64_t column = index % b.column_count;
    const std::int64_t row = index / b.column_count % b.row_count;
    return {index / b.column_count / b.row_count, row * b.rows,
            std::min(b.height, (row + 1) * b.rows), column * b.columns,
            std::min(b.width, (column + 1) * b.columns)};
}

PixelBlock largest_block(const Blocks& b) { return {0, 0, b.rows, 0, b.columns}; }

}  // namespace convlet
