import type { Environment } from './environment.ts'
import { usage } from './problem.ts'

/** The invitation as typed, or from stdin, where no list of processes shows it. Never repeat it in a message. */
export function invitationText(given: string, env: Environment): string {
  const text = (given === '-' ? env.readInput() : given).trim()
  if (text === '') throw usage('there is no invitation', 'paste it as an argument, or give - and pipe it in')
  return text
}
