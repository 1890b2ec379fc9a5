/**
 * Domains under which strangers register names, so that two hosts below one may have different owners. An excerpt of
 * publicsuffix.org's list: those with registries and token servers.
 */
export const SHARED_SUFFIXES: readonly string[] = [
  'amazonaws.com',
  'appspot.com',
  'azurecontainer.io',
  'azurecr.cn',
  'azurecr.io',
  'azurecr.us',
  'azurewebsites.net',
  'cloudapp.azure.com',
  'cloudapp.net',
  'cloudfront.net',
  'cloudfunctions.net',
  'fly.dev',
  'github.io',
  'gitlab.io',
  'herokuapp.com',
  'jfrog.io',
  'netlify.app',
  'ngrok.app',
  'ngrok.io',
  'ondigitalocean.app',
  'onrender.com',
  'pages.dev',
  'pkg.dev',
  'run.app',
  'trafficmanager.net',
  'vercel.app',
  'web.app',
  'workers.dev',
];
