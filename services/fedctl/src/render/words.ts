/** PeerState.ACTIVE → active; nothing for what is unspecified or not known to this version. */
export function word(names: Readonly<Record<string, string | number>>, value: number): string {
  const name = Object.entries(names).find(([, number]) => number === value)?.[0]
  return name === undefined || name === 'UNSPECIFIED' ? '' : name.toLowerCase()
}

/** active → PeerState.ACTIVE, for options; the words that can be chosen are `wordsOf`. */
export function valueOf<E extends Readonly<Record<string, string | number>>>(names: E, text: string): E[keyof E] {
  return names[text.toUpperCase().replaceAll('-', '_')] as E[keyof E]
}

export const wordsOf = (names: Readonly<Record<string, string | number>>): string[] =>
  Object.keys(names)
    .filter((name) => name !== 'UNSPECIFIED' && Number.isNaN(Number(name)))
    .map((name) => name.toLowerCase())

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`
