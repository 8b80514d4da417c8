import type { Canvas } from '../output.ts'

/** A token of a boot payload, shown this once. */
export function bootTokenText(token: string, { to }: Canvas): string {
  if (token === '') return ''
  return [
    'Boot token, only needed where somebody boots the machine by hand; the instance has it already:',
    `  ${to.bold(token)}`,
    to.dim('This is the only time it is shown. It is dead as soon as the child has spoken.'),
  ].join('\n')
}
