import { create } from '@bufbuild/protobuf'
import { PolicyPageSchema, type PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { GrantToTell } from '../store/policy-rows.ts'
import { GrantEncoder, writeVarint } from './encode-grant.ts'
import { PAGE_BYTES } from './policy-part.ts'

const GRANTS_FIELD = 1
const GRANTS_TAG = 0x0a
const LENGTH_DELIMITED = 2

/**
 * Collects grants into pages of about `PAGE_BYTES`.
 *
 * The grants are in the page as bytes that are sent as they are (protobuf calls them unknown fields: what the message does
 * not know it passes on), behind the tag and length that make them its field `grants`.
 */
export class GrantPages {
  readonly #encoder = new GrantEncoder()
  #bytes = Buffer.allocUnsafe(2 * PAGE_BYTES)
  #length = 0
  #removed: string[] = []

  /** Adds a grant; answers with the page that it filled. */
  add(row: GrantToTell): PolicyPage | undefined {
    if (row.archived) return this.#remove(row.id)
    const grant = this.#encoder.encode(row)
    const full = this.#length + grant.length > PAGE_BYTES ? this.take() : undefined
    if (grant.length + 8 > this.#bytes.length) this.#bytes = Buffer.allocUnsafe(grant.length + 8)
    this.#bytes[this.#length++] = GRANTS_TAG
    this.#length += writeVarint(this.#bytes, this.#length, grant.length)
    this.#bytes.set(grant, this.#length)
    this.#length += grant.length
    return full
  }

  #remove(id: string): PolicyPage | undefined {
    this.#removed.push(id)
    return this.#removed.length * 40 > PAGE_BYTES ? this.take() : undefined
  }

  /** The page as far as it is filled; undefined: there is nothing in it. */
  take(): PolicyPage | undefined {
    if (this.#length === 0 && this.#removed.length === 0) return undefined
    const page = create(PolicyPageSchema, { removedGrantIds: this.#removed })
    if (this.#length > 0) {
      // The first tag is written by whoever serializes the field.
      const data = this.#bytes.subarray(1, this.#length)
      page.$unknown = [{ no: GRANTS_FIELD, wireType: LENGTH_DELIMITED, data }]
      this.#bytes = Buffer.allocUnsafe(2 * PAGE_BYTES)
      this.#length = 0
    }
    this.#removed = []
    return page
  }
}
