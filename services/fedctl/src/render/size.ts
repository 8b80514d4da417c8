const UNITS = ['TiB', 'GiB', 'MiB', 'KiB'] as const

/** Bytes as people say them: 1.5GiB, 300KiB, 12B. */
export function size(bytes: bigint): string {
  const count = Number(bytes)
  for (const [index, unit] of UNITS.entries()) {
    const scale = 1_024 ** (UNITS.length - index)
    if (count >= scale) return `${(count / scale).toFixed(count % scale === 0 ? 0 : 1)}${unit}`
  }
  return `${count}B`
}
