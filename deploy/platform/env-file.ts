/**
 * An environment file that systemd, docker compose and a shell read alike.
 *
 * Single quotes take everything as it is, in all three; so no value may hold one, nor a line's end.
 */
export function envFile(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => {
      if (/['\n\r\0]/.test(value))
        throw new Error(`${name} holds a quote or the end of a line, which no environment file can`)
      return `${name}=${/^[\w./:@,+-]*$/.test(value) ? value : `'${value}'`}\n`
    })
    .join('')
}

/** Reads what `envFile` wrote, with comments and empty lines between. */
export function parseEnvFile(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map((line) => {
      const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? []
      return [name, value.replace(/^'(.*)'$/, '$1')]
    }),
  )
}
