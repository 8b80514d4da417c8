/** Compared by code units: the same order on every machine. */
export const compared = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
