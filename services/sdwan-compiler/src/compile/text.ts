import { hash } from 'node:crypto'

/** A text under a digest: what is the same for many is looked at once. */
export type Text = { readonly text: string; readonly digest: string }

export const textOf = (text: string): Text => ({ text, digest: hash('sha256', text) })

/** Texts one after another, under a digest of theirs: none is read again. */
export const textsOf = (parts: readonly Text[]): Text => ({
  text: together(parts.map(({ text }) => text)),
  digest: hash('sha256', parts.map(({ digest }) => digest).join('')),
})

/**
 * One text of many, put together when somebody reads it: until then thousands of nodes share the parts that they have alike, and whoever
 * is told that nothing changed costs nothing. (Array.join writes it out at once.)
 */
export function together(parts: readonly string[]): string {
  let text = ''
  for (const part of parts) text += part
  return text
}
