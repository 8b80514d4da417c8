import { MODES, PROBED, REASONS, VERBS, type Inputs } from './types.ts'

type Reader<T> = (text: string) => T

/** How each input is read back from the diary. The compiler demands a row per input. */
const READERS: { readonly [Key in keyof Inputs]: Reader<Inputs[Key]> } = {
  reason: oneOf(REASONS),
  peerState: oneOf(['unknown', 'proposed', 'accepted', 'enrolled', 'active', 'degraded', 'suspended', 'revoked']),
  mode: oneOf(MODES),
  verb: oneOf(VERBS),
  halted: yes,
  breakerOpen: yes,
  breakerForMs: Number,
  late: Number,
  watched: Number,
  budgetLeft: Number,
  hearing: oneOf(['both', 'we_hear_them', 'they_hear_us', 'neither', 'never']),
  silentForMs: Number,
  staleAfterMs: Number,
  tickMs: Number,
  seen: Number,
  patience: Number,
  patienceUsed: Number,
  looks: Number,
  awayForMs: Number,
  recoveries: Number,
  probed: (text) => (text === 'not_yet' ? null : oneOf(PROBED)(text)),
  approval: oneOf(['none', 'asked', 'given']),
  asked: yes,
}

const KEYS = Object.keys(READERS) as readonly (keyof Inputs)[] // the keys of the table above

/** The inputs of a decision in words, as the diary holds them. */
export function toWords(inputs: Inputs): Record<string, string> {
  return Object.fromEntries(KEYS.map((key) => [snake(key), inputs[key] === null ? 'not_yet' : String(inputs[key])]))
}

/** The inputs that were written down: decided again they MUST give the decision that stands beside them. */
export function fromWords(words: Readonly<Record<string, string>>): Inputs {
  const read = KEYS.map((key) => {
    const text = words[snake(key)]
    if (text === undefined) throw new Error(`the diary does not say ${snake(key)}`)
    return [key, READERS[key](text)]
  })
  return Object.fromEntries(read) as Inputs // key by key, by READERS
}

function oneOf<const T extends string>(all: readonly T[]): Reader<T> {
  return (text) => {
    const known = all.find((one) => one === text)
    if (known === undefined) throw new Error(`${text} is none of ${all.join(', ')}`)
    return known
  }
}

function yes(text: string): boolean {
  return text === 'true'
}

const snake = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
