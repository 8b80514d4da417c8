type Login = { readonly database: string; readonly user: string; readonly password: string }

/** The URL by which `user` reaches `database` on the server that `adminUrl` names, with the same TLS options. */
export function databaseUrl(adminUrl: string, { database, user, password }: Login): string {
  const url = new URL(adminUrl)
  url.username = encodeURIComponent(user)
  url.password = encodeURIComponent(password)
  url.pathname = `/${encodeURIComponent(database)}`
  return url.href
}
