/**
 * Makes the fedctl commands in a text ready to paste: with the --context this command itself was given.
 *
 * Only for commands of our own side. Those for the other side are run by somebody else, elsewhere.
 */
export function pasting(flag: string): (text: string) => string {
  if (flag === '') return (text) => text
  return (text) => text.replaceAll(/\bfedctl (?!--context)/g, `fedctl --context ${quoted(flag)} `)
}

const quoted = (word: string): string => (/^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
