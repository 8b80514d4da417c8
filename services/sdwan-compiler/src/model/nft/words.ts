/** The words of an nft script. Line ends are words too: they close a statement, as `;` does. */
export type Word = { readonly kind: 'word' | 'string' | 'mark' | 'end'; readonly text: string; readonly at: number }

const WORD = /[ \t]*(?:(\n|;)|"([^"\n]*)"|(!=|[{}=,])|(@?[A-Za-z0-9_./:[\]-]+)|(#[^\n]*))/y

export function wordsOf(script: string): Word[] {
  const words: Word[] = []
  WORD.lastIndex = 0
  while (WORD.lastIndex < script.length) {
    const at = WORD.lastIndex
    const match = WORD.exec(script)
    if (!match) {
      if (script.slice(at).trim() === '') break
      throw new Error(`nft: not a word: ${JSON.stringify(script.slice(at, at + 40))}`)
    }
    const [, end, string, mark, word] = match
    if (end !== undefined) words.push({ kind: 'end', text: end, at })
    else if (string !== undefined) words.push({ kind: 'string', text: string, at })
    else if (mark !== undefined) words.push({ kind: 'mark', text: mark, at })
    else if (word !== undefined) words.push({ kind: 'word', text: word, at })
  }
  return words
}

/** A reader's place in the words. */
export class Cursor {
  readonly #words: readonly Word[]
  #at = 0

  constructor(words: readonly Word[]) {
    this.#words = words
  }

  get next(): string | undefined {
    return this.#words[this.#at]?.text
  }

  get kind(): Word['kind'] | undefined {
    return this.#words[this.#at]?.kind
  }

  take(): string {
    const word = this.#words[this.#at]
    if (!word) throw new Error('nft: the script ends too early')
    this.#at += 1
    return word.text
  }

  expect(...texts: readonly string[]): void {
    for (const text of texts) {
      const word = this.take()
      if (word !== text) throw new Error(`nft: ${JSON.stringify(text)} was expected, not ${JSON.stringify(word)}`)
    }
  }

  /** Whether the next words are these; they are taken if so. */
  takes(...texts: readonly string[]): boolean {
    if (!texts.every((text, index) => this.#words[this.#at + index]?.text === text)) return false
    this.#at += texts.length
    return true
  }

  skipEnds(): void {
    while (this.kind === 'end') this.#at += 1
  }

  get atEnd(): boolean {
    return this.#at >= this.#words.length
  }

  /** Whether the statement is over: a line end, or the brace that closes its block. */
  get closes(): boolean {
    return this.atEnd || this.kind === 'end' || this.next === '}'
  }
}

/** `a, b }`: the opening brace is behind us. Line ends within are room. */
export function readList(cursor: Cursor): readonly string[] {
  const values: string[] = []
  for (cursor.skipEnds(); !cursor.takes('}'); cursor.skipEnds()) {
    values.push(cursor.take())
    cursor.skipEnds()
    cursor.takes(',')
  }
  return values
}
