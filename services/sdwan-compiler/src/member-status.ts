export const STATUSES = ['pending', 'active', 'degraded', 'disconnected'] as const
export type MemberStatus = (typeof STATUSES)[number]

const ACTIVE_MS = 3 * 60_000
const DEGRADED_MS = 5 * 60_000

/** How a member is, by when it was last heard over a tunnel: WireGuard shakes hands every two minutes while there is traffic. */
export function memberStatus(lastHandshakeAt: Date | undefined, now: Date): MemberStatus {
  if (!lastHandshakeAt) return 'pending'
  const age = now.getTime() - lastHandshakeAt.getTime()
  return age < ACTIVE_MS ? 'active' : age < DEGRADED_MS ? 'degraded' : 'disconnected'
}
