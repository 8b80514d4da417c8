import { kindPages } from '../store/kind-pages.ts'
import { residencyPages } from '../store/residency-pages.ts'
import type { PolicyPart } from './policy-part.ts'

/** Rules and regions, tags of peers, and overrides that are open. */
export const residencyPart: PolicyPart = {
  readAll: (tx) => residencyPages(tx, undefined),
  readSince: (tx, epoch) => residencyPages(tx, epoch),
}

/** Kinds of resources, and who serves each. */
export const kindPart: PolicyPart = {
  readAll: (tx) => kindPages(tx, undefined),
  readSince: (tx, epoch) => kindPages(tx, epoch),
}
