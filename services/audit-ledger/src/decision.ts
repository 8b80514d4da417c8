const DAY_MS = 86_400_000
/** How far back a list reaches when its reader does not say. */
export const SHOWN_DAYS = 30
/** A little longer than that, so that what is shown is whole. */
const KEPT_DAYS = 35

/** What calls were decided by before this moment may go. That they were made, and with which outcome, stays. */
export function keptSince(now: Date): Date {
  return new Date(now.getTime() - KEPT_DAYS * DAY_MS)
}

/** Where a list begins when its reader does not say. */
export function shownSince(now: Date): Date {
  return new Date(now.getTime() - SHOWN_DAYS * DAY_MS)
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function isId(text: string): boolean {
  return UUID.test(text)
}
