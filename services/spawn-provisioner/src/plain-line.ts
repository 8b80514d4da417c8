/**
 * What somebody else said, as one line that Postgres keeps and no terminal obeys: no zero byte, no escape sequence, and
 * no half a character where it was cut.
 */
export const plainLine = (text: string, most: number): string =>
  text
    .replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .slice(0, most)
    .toWellFormed()
