import { z } from 'zod'
import { DAY_MS } from './invitation.ts'

/** A second machine with the payload of a first. */
export type Clone = z.infer<typeof CLONE>

const CLONE = z.object({ identityFingerprint: z.string(), sourceAddress: z.string() })

/** How long spawn-provisioner may be away and still be told. */
export const CLONE_REPORT_FOR_MS = 30 * DAY_MS

/** As an errand keeps it. */
export const packClone = (clone: Clone): Buffer => Buffer.from(JSON.stringify(clone))
export const unpackClone = (packed: Buffer): Clone => CLONE.parse(JSON.parse(packed.toString('utf8')))
