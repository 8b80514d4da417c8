import type { ClientHttp2Session } from 'node:http2'
import { patient } from '@powernode/clock'
import { hangUp } from './connection.ts'

const SILENCE_MS = 10_000
const PING_TIMEOUT_MS = 5_000

/**
 * Notices a server that vanished without a word, which TCP alone reports after many minutes: a session that has been
 * silent is asked whether it is there, and ended when it does not say so.
 *
 * On the session's own timer, which activity resets: this is about the wire, not about the time of day.
 */
export function keepAlive(
  session: ClientHttp2Session,
  { silenceMs = patient(SILENCE_MS), pingTimeoutMs = patient(PING_TIMEOUT_MS) } = {},
): void {
  let asked = false
  session.setTimeout(silenceMs)
  session.on('timeout', () => {
    if (asked) return hangUp(session, 'the server does not answer')
    asked = true
    session.setTimeout(pingTimeoutMs)
    session.ping((error) => {
      if (error) return
      asked = false
      session.setTimeout(silenceMs)
    })
  })
}
