/** A position in the WAL as Postgres writes it: two 32-bit numbers in hexadecimal, `high/low` (pg_lsn). */
export function lsnValue(lsn: string): bigint {
  const [, high = '', low = ''] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(lsn) ?? []
  if (high === '') throw new Error(`${JSON.stringify(lsn)} is no position in the WAL`)
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

export const comesBefore = (one: string, other: string): boolean => lsnValue(one) < lsnValue(other)
