const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Whether it is a UUID as we write them. Whatever comes from outside MUST be asked before it reaches a statement. */
export function isUuid(said: string): boolean {
  return UUID.test(said)
}
