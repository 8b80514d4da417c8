import { Refusal } from '@powernode/rpc'

/** What is said of a log that nobody has written to: a name that is misspelt MUST NOT pass for a log that is intact. */
export const noSuchLog = (sentence: string, log: string): Refusal =>
  new Refusal('LOG_NOT_FOUND', sentence, { metadata: { log }, next: 'fedctl audit status' })
