// The emulator listens on all addresses of a machine and knows no way to tell it otherwise. A test's server is nobody's
// business but the test's.

const { Server } = require("node:net");

const listen = Server.prototype.listen;
Server.prototype.listen = function (...given) {
  if (typeof given[0] === "number" && typeof given[1] !== "string") {
    return listen.call(this, given[0], "127.0.0.1", ...given.slice(1));
  }
  return listen.apply(this, given);
};
