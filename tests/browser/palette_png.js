// A picture (base64 of a PNG) with at most 256 colours, as base64 of a PNG: a third of the bytes, and a browser is
// all that it takes. Of the colours, rounded to five bits, the most frequent are kept, and the others become the
// nearest of them.
async (picture) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);

  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const groups = new Map();
  for (const [pixel, count] of counts) {
    const group = counts.size > 256 ? pixel & 0xf8f8f8 : pixel;
    const held = groups.get(group) ?? { count: 0, pixel, most: 0 };
    held.count += count;
    if (count > held.most) Object.assign(held, { pixel, most: count });
    groups.set(group, held);
  }
  const palette = [...groups.values()].sort((a, b) => b.count - a.count).slice(0, 256).map((each) => parts(each.pixel));
  const place = new Map();
  for (const pixel of counts.keys()) {
    const [r, g, b] = parts(pixel);
    let best = 0, least = Infinity;
    palette.forEach(([x, y, z], index) => {
      const distance = (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
      if (distance < least) [best, least] = [index, distance];
    });
    place.set(pixel, best);
  }
  const rows = new Uint8Array(height * (width + 1));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) rows[y * (width + 1) + 1 + x] = place.get(pixels[y * width + x]);
  }

  const crcs = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
    return n;
  });
  const crc = (bytes) => ~bytes.reduce((sum, byte) => crcs[(sum ^ byte) & 255] ^ (sum >>> 8), -1) >>> 0;
  const number = (value) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  const chunk = (kind, data) => {
    const body = new Uint8Array([...kind].map((each) => each.charCodeAt(0)).concat(Array.from(data)));
    return [...number(data.length), ...body, ...number(crc(body))];
  };
  const stream = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  const file = [137, 80, 78, 71, 13, 10, 26, 10]
    .concat(chunk("IHDR", [...number(width), ...number(height), 8, 3, 0, 0, 0]))
    .concat(chunk("PLTE", palette.flat()), chunk("IDAT", packed), chunk("IEND", []));
  return btoa(file.reduce((text, byte) => text + String.fromCharCode(byte), ""));
}
