/**
 * How the process ended, for whoever keeps it running: after `refused` and `broken` another start ends the same, until a
 * person has acted. The codes are those of sysexits.h that say the same.
 *
 * - finished: this node is nobody's child, or is accepted and there is nothing that it has to keep up
 * - stopped: it was told to
 * - refused: the parent, or we ourselves, have said no for good (EX_NOPERM)
 * - broken: the payload cannot be used (EX_CONFIG)
 */
export const EXIT_CODES = { finished: 0, stopped: 0, refused: 77, broken: 78 } as const

export type Ending = keyof typeof EXIT_CODES
