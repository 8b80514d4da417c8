import { elementsOf, NotDer } from './der.ts'

/** From when until when a certificate is good. */
export type Validity = { readonly notBefore: Date; readonly notAfter: Date }

const VERSION = 0xa0
const UTC_TIME = 0x17
const GENERALIZED_TIME = 0x18

/**
 * The times in a certificate, without reading anything else of it: a tenth of what it takes to parse it whole, for those
 * who tell of thousands. Throws `NotDer` for what is no certificate; whether it is one of ours was checked before it was stored.
 *
 * Certificate ▸ TBSCertificate ▸ validity, fifth behind an explicit version (RFC 5280 §4.1).
 */
export function validityOf(der: Uint8Array): Validity {
  const [certificate] = elementsOf(der)
  const [body] = elementsOf(certificate?.content ?? der)
  const fields = elementsOf(body?.content ?? der)
  const validity = fields[fields[0]?.tag === VERSION ? AFTER_VERSION : AFTER_VERSION - 1]
  if (!validity) throw new NotDer('a certificate says from when until when it is good')
  const [notBefore, notAfter] = elementsOf(validity.content)
  return { notBefore: timeIn(notBefore), notAfter: timeIn(notAfter) }
}

const AFTER_VERSION = 4

type Time = { readonly tag: number; readonly content: Uint8Array } | undefined

/** UTCTime has two digits of the year, of 1950 to 2049; GeneralizedTime has four (RFC 5280 §4.1.2.5). */
function timeIn(time: Time): Date {
  const text = Buffer.from(time?.content ?? []).toString('latin1')
  const isShort = time?.tag === UTC_TIME && /^\d{12}Z$/.test(text)
  const isLong = time?.tag === GENERALIZED_TIME && /^\d{14}Z$/.test(text)
  if (!isShort && !isLong) throw new NotDer('a time in a certificate is UTCTime or GeneralizedTime, in whole seconds')
  const whole = isLong ? text : `${text < '50' ? '20' : '19'}${text}`
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(whole) ?? []
  const at = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(at.getTime())) throw new NotDer(`${text} is no time`)
  return at
}
