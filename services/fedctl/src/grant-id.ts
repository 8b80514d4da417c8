import { usage } from './problem.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The id of a grant as it was typed. A bearer is not taken, so that none ends in a history or a log: nor repeated here. */
export function grantIdOf(typed: string): string {
  if (UUID.test(typed)) return typed.toLowerCase()
  if (typed.startsWith('fg-'))
    throw usage('that is a bearer: whoever reads it can use it', 'the grant is what stands between "fg-" and the dot')
  throw usage(`"${typed}" is no id of a grant`, 'fedctl grant list')
}
