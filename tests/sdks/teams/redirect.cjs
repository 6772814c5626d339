// Preloaded into a bot (`node --require`): Microsoft's two login hosts are reached at REDRAFT_TLS, an address and a port.

const tls = require("node:tls");

const [host, port] = process.env.REDRAFT_TLS.split(":");
const connect = tls.connect;

tls.connect = function (options, ...rest) {
  const redirected = ["login.microsoftonline.com", "login.botframework.com"].includes(options?.host);
  return connect.call(tls, redirected ? { ...options, host, port, servername: options.host } : options, ...rest);
};
