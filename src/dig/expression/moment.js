(function (Date, host) { return undefined; })
