/** How much of our disk a peer may fill with its log about us. */
export type MirrorQuota = { readonly bytes: number; readonly bytesPerMinute: number }

const MIB = 1_048_576

export const mirrorQuota = (said: {
  readonly mebibytes: number
  readonly mebibytesPerMinute: number
}): MirrorQuota => ({
  bytes: said.mebibytes * MIB,
  bytesPerMinute: said.mebibytesPerMinute * MIB,
})
