"""The way in from outside, as a site declares it: Entry, Route, Proxy, Service, Certificate, Expectation."""
