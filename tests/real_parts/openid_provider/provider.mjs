// node provider.mjs PORT MODULES: an OpenID provider on loopback; any password is right, the sign-in name is the subject.
// MODULES is the folder node_modules that `npm ci` made. The address of a name without "unverified" counts as verified.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [port, modules] = process.argv.slice(2);
const found = createRequire(`${modules}/`).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(found));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'lautern',
      client_secret: 'a-secret-for-tests',
      redirect_uris: ['http://localhost/api/v1/login/oidc/callback'],
      response_types: ['code'],
      grant_types: ['authorization_code'],
    },
  ],
  pkce: { required: () => true },
  cookies: { keys: ['tests'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  conformIdTokenClaims: false,
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, email: `${id}@example.org`, email_verified: !id.includes('unverified'), name: id,
    }),
  }),
});
provider.listen(Number(port), '127.0.0.1');
